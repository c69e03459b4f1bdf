namespace Chasqui.Engines.Models;

/// <summary>Finds the models in a folder of GGUF files.</summary>
internal static class GgufFolder
{
    /// <summary>
    /// The <c>.gguf</c> files of a folder and then those of its direct subfolders, each ordered by name; of a model in several
    /// files only the first.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="failed">Told of a folder that cannot be listed.</param>
    public static IEnumerable<string> Models(string folder, Action<string, Exception> failed) =>
        new[] { folder }.Concat(FolderListing.Folders(folder, failed))
            .SelectMany(f => FolderListing.Files(f, failed))
            .Where(IsModel);

    private static bool IsModel(string path) =>
        Path.GetExtension(path).Equals(".gguf", StringComparison.OrdinalIgnoreCase)
        && (!SplitName.TryParse(Path.GetFileNameWithoutExtension(path), out var split) || split.Number == 1);
}
