namespace Chasqui.Engines.Models.Managed;

/// <summary>Where the store is.</summary>
public sealed record ManagedStoreOptions
{
    /// <summary>Its folder, with <c>manifests</c> and <c>blobs</c> as Ollama has them; made with the first change.</summary>
    public required string Folder { get; init; }
}
