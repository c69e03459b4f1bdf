using System.Security.Cryptography;
using System.Text.Json;

namespace Chasqui.Engines.Models;

/// <summary>A manifest of Ollama's store: which blobs a model is made of (<c>manifest/manifest.go</c> in Ollama).</summary>
internal sealed record OllamaManifest
{
    /// <summary>Most bytes of a manifest, a configuration or a text layer.</summary>
    public const int MaxText = 4 << 20;

    private const string Prefix = "application/vnd.ollama.image.";

    /// <summary>SHA-256 of the manifest's bytes, lower-case hex.</summary>
    public required string Digest { get; init; }

    /// <summary>Bytes of all layers and the configuration.</summary>
    public required long Size { get; init; }

    /// <summary>The configuration's blob; null for none.</summary>
    public string? Config => ConfigLayer?.Blob;

    /// <summary>The configuration; null for none.</summary>
    public OllamaLayer? ConfigLayer { get; init; }

    /// <summary>The layers, in their order.</summary>
    public required IReadOnlyList<OllamaLayer> Layers { get; init; }

    /// <summary>The layers of one kind, e.g. <c>license</c>.</summary>
    public IEnumerable<OllamaLayer> Of(string kind) => Layers.Where(l => l.MediaType == Prefix + kind);

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="InvalidDataException">It is none; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static OllamaManifest Read(string path) => Parse(BoundedFile.Read(path, MaxText, "its manifest"));

    /// <summary>Reads a manifest's bytes.</summary>
    /// <exception cref="InvalidDataException">It is none; the message says why.</exception>
    public static OllamaManifest Parse(byte[] bytes)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            var root = json.RootElement;
            var layers = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("layers", out var list)
                && list.ValueKind == JsonValueKind.Array
                ? list.EnumerateArray().Select(OllamaLayer.Read).ToList()
                : throw new InvalidDataException("its manifest has no list of layers");
            var config = root.TryGetProperty("config", out var c) && c.ValueKind == JsonValueKind.Object
                && c.TryGetProperty("digest", out var d) && d.ValueKind == JsonValueKind.String && d.GetString()!.Length > 0
                ? OllamaLayer.Read(c) : null;
            return new OllamaManifest
            {
                Digest = Convert.ToHexStringLower(SHA256.HashData(bytes)),
                Size = layers.Aggregate(config?.Size ?? 0, (sum, layer) => checked(sum + layer.Size)),
                ConfigLayer = config,
                Layers = layers,
            };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"its manifest is not JSON (line {e.LineNumber + 1})", e);
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException("the sizes in its manifest add up to more than can be counted", e);
        }
    }
}

/// <summary>One layer of a manifest.</summary>
/// <param name="MediaType">What it is.</param>
/// <param name="Blob">The name of its file in the <c>blobs</c> folder.</param>
/// <param name="Size">Its bytes, as the manifest says.</param>
/// <param name="From">The model it was taken from; empty where unknown.</param>
internal sealed record OllamaLayer(string MediaType, string Blob, long Size, string From)
{
    public static OllamaLayer Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("a layer in its manifest is not an object");
        var size = json.TryGetProperty("size", out var s) && s.ValueKind == JsonValueKind.Number && s.TryGetInt64(out var bytes) ? bytes : 0;
        return new OllamaLayer(Text("mediaType"), BlobOf(Text("digest")),
            size >= 0 ? size : throw new InvalidDataException("a layer in its manifest has a negative size"), Text("from"));

        string Text(string name) =>
            json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
    }

    // Nothing but a whole SHA-256 becomes part of a path.
    private static string BlobOf(string digest)
    {
        const string prefix = "sha256";
        var valid = digest.Length == prefix.Length + 1 + 64 && digest.StartsWith(prefix, StringComparison.Ordinal)
            && digest[prefix.Length] is ':' or '-' && digest.AsSpan(prefix.Length + 1).IndexOfAnyExcept(_hex) < 0;
        return valid ? $"{prefix}-{digest[(prefix.Length + 1)..]}"
            : throw new InvalidDataException($"its manifest names the digest \"{GgufMetadataParser.Show(digest)}\", which is not sha256: and 64 hexadecimal digits");
    }

    private static readonly System.Buffers.SearchValues<char> _hex = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");
}
