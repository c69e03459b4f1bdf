namespace Chasqui.Engines.Models;

/// <summary>Names of the uploaded files that a model is made of.</summary>
public static class UploadedFile
{
    /// <summary>Ollama's words for a name that leads elsewhere.</summary>
    public const string NotRelative = "file path must be relative";

    /// <summary>
    /// Whether the name stays in the model's own folder, by the rule of Go's <c>fs.ValidPath</c>: parts between single slashes, none of them empty,
    /// <c>.</c> or <c>..</c>; or <c>.</c> alone.
    /// </summary>
    public static bool IsRelative(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == "." || Array.TrueForAll(name.Split('/'), part => part is not ("" or "." or ".."));
    }
}
