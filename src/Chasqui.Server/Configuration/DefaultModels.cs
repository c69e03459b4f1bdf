namespace Chasqui.Server;

/// <summary>Where models are looked for when nobody says.</summary>
internal static class DefaultModels
{
    /// <summary><c>models</c> in the data folder, and the shipped ones: <c>models</c> beside the program or in a folder above it.</summary>
    public static IReadOnlyList<string> Folders(string dataFolder)
    {
        List<string> folders = [DataFolder.ModelsOf(dataFolder)];
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var shipped = Path.Combine(folder, "models");
            if (!File.Exists(Path.Combine(shipped, "mini", "mini.gguf")))
                continue;
            folders.Add(shipped);
            break;
        }
        return folders;
    }
}
