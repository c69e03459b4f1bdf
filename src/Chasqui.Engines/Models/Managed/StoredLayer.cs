using System.Text.Json;

namespace Chasqui.Engines.Models.Managed;

/// <summary>A layer of a manifest that is being made.</summary>
/// <param name="Kind">What follows <c>application/vnd.ollama.image.</c>, or a whole media type that has a slash.</param>
/// <param name="Digest">Its blob.</param>
/// <param name="Size">Bytes of the blob.</param>
/// <param name="From">The model it was taken from; empty for none.</param>
/// <param name="Status">What is told of it when the manifest is written; empty for nothing.</param>
internal sealed record StoredLayer(string Kind, BlobDigest Digest, long Size, string From = "", string Status = "")
{
    public const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";
    public const string ConfigType = "application/vnd.docker.container.image.v1+json";

    private const string Prefix = "application/vnd.ollama.image.";

    public string MediaType => Kind.Contains('/', StringComparison.Ordinal) ? Kind : Prefix + Kind;

    /// <summary>A layer of a manifest that was read.</summary>
    public static StoredLayer Of(OllamaLayer layer)
    {
        var kind = layer.MediaType.StartsWith(Prefix, StringComparison.Ordinal) ? layer.MediaType[Prefix.Length..] : layer.MediaType;
        return new StoredLayer(kind, BlobDigest.Parse(layer.Blob), layer.Size, layer.From);
    }

    /// <summary>The bytes of a manifest, in Ollama's form.</summary>
    public static byte[] Manifest(StoredLayer config, IReadOnlyList<StoredLayer> layers)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 2);
            json.WriteString("mediaType", ManifestType);
            json.WritePropertyName("config");
            config.Write(json);
            json.WriteStartArray("layers");
            foreach (var layer in layers)
                layer.Write(json);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("mediaType", MediaType);
        json.WriteString("digest", Digest.ToString());
        json.WriteNumber("size", Size);
        if (From.Length > 0)
            json.WriteString("from", From);
        json.WriteEndObject();
    }
}
