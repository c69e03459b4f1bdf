namespace Chasqui.Engines.Models;

/// <summary>Finds Ollama's store and the manifests in it.</summary>
internal static class OllamaFolder
{
    /// <summary>The folder that Ollama would use on this machine; null where there is none.</summary>
    public static string? Detect(Func<string, string?> environment, string home, Func<string, bool> exists)
    {
        var set = environment("OLLAMA_MODELS")?.Trim(' ', '"', '\'');
        if (!string.IsNullOrEmpty(set))
            return set;
        string?[] usual = [home.Length > 0 ? Path.Combine(home, ".ollama", "models") : null, "/usr/share/ollama/.ollama/models"];
        return usual.FirstOrDefault(folder => folder is not null && exists(Path.Combine(folder, "manifests")));
    }

    /// <summary>The manifests, <c>host/namespace/model/tag</c> below the folder, ordered by path. Files whose path is no name are passed over.</summary>
    /// <param name="folder">Ollama's model folder.</param>
    /// <param name="failed">Told of a folder that cannot be listed.</param>
    public static IEnumerable<(ModelName Name, string Path)> Manifests(string folder, Action<string, Exception> failed)
    {
        var root = Path.Combine(folder, "manifests");
        foreach (var host in FolderListing.Folders(root, failed))
        {
            foreach (var space in FolderListing.Folders(host, failed))
            {
                foreach (var model in FolderListing.Folders(space, failed))
                {
                    foreach (var tag in FolderListing.Files(model, failed))
                    {
                        if (ModelName.TryCreate(Path.GetFileName(host), Path.GetFileName(space), Path.GetFileName(model), Path.GetFileName(tag), out var name))
                            yield return (name, tag);
                    }
                }
            }
        }
    }
}
