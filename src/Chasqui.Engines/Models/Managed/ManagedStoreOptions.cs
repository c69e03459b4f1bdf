namespace Chasqui.Engines.Models.Managed;

/// <summary>Where the store is.</summary>
public sealed record ManagedStoreOptions
{
    /// <summary>Its folder, with <c>manifests</c> and <c>blobs</c> as Ollama has them; made with the first change.</summary>
    public required string Folder { get; init; }

    /// <summary>Bytes that one model may have that is pulled, and one blob that is uploaded, 1 to 2^50. Default 1 TiB.</summary>
    public long MaxModelBytes { get; init; } = 1L << 40;

    /// <summary>Hosts, with their ports, of registries that may be on a private address or on this machine; a port of <c>*</c> stands for any. Default none.</summary>
    public IReadOnlyList<string> PrivateRegistries { get; init; } = [];
}
