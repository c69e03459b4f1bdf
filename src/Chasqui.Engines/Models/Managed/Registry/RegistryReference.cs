namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>A model in its registry.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Scheme"><c>https</c>, or <c>http</c> where the name begins with it or it was allowed.</param>
internal sealed record RegistryReference(ModelName Name, string Scheme)
{
    /// <exception cref="InvalidModelNameException">The name is not of the right form.</exception>
    public static RegistryReference Parse(string text, bool insecure)
    {
        var name = ModelName.Parse(text);
        return new RegistryReference(name, insecure || text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? "http" : "https");
    }

    /// <summary>The model's manifest.</summary>
    public Uri Manifest => new($"{Base}/manifests/{Name.Tag}");

    /// <summary>Where uploads begin.</summary>
    public Uri Uploads => new($"{Base}/blobs/uploads/");

    private string Base => $"{Scheme}://{Name.Host}/v2/{Name.Namespace}/{Name.Model}";

    /// <summary>One of its blobs.</summary>
    public Uri Blob(BlobDigest digest) => new($"{Base}/blobs/{digest}");

    /// <summary>What tells one transfer from another.</summary>
    public string Key => $"{Scheme}://{Name}".ToLowerInvariant();
}
