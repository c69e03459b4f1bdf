namespace Chasqui.Engines.Models;

/// <summary>Where models are looked for.</summary>
public sealed record ModelStoreOptions
{
    /// <summary>
    /// The folder of our own store, in Ollama's layout, whose models come before all others; it need not be there yet. Null, the
    /// default: none.
    /// </summary>
    public string? StoreFolder { get; init; }

    /// <summary>
    /// Folders of <c>.gguf</c> files, the most important first; their direct subfolders are searched too, deeper ones are not.
    /// Default: none. A folder that is missing or closed is passed over with a warning.
    /// </summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>
    /// Ollama's model folder (that with <c>manifests</c> and <c>blobs</c>), read in place and never written. Null, the default:
    /// <c>$OLLAMA_MODELS</c>, else <c>~/.ollama/models</c>, else <c>/usr/share/ollama/.ollama/models</c>, the first there is;
    /// an empty text: none.
    /// </summary>
    public string? OllamaFolder { get; init; }
}
