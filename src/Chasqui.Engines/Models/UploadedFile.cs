using Chasqui.Engines.Models.Managed;

namespace Chasqui.Engines.Models;

/// <summary>Names and digests of the uploaded files that a model is made of.</summary>
public static class UploadedFile
{
    /// <summary>Ollama's words for a name that leads elsewhere.</summary>
    public const string NotRelative = "file path must be relative";

    /// <summary>Ollama's words for a digest that is none.</summary>
    public const string NoDigest = "invalid digest format";

    /// <summary>Whether a text is a digest: <c>sha256:</c> (or <c>sha256-</c>) and 64 hexadecimal digits.</summary>
    public static bool IsDigest(string text) => BlobDigest.TryParse(text, out _);

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
