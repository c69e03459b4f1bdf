using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Tests.Models;

/// <summary>Makes a store as Ollama makes it: blobs under their digests, manifests under the names.</summary>
internal sealed class OllamaStoreBuilder(string folder)
{
    public string Folder { get; } = folder;

    public string BlobPath(string digest) => Path.Combine(Folder, "blobs", digest.Replace(':', '-'));

    /// <summary>Stores a blob and returns its digest.</summary>
    public string Blob(byte[] bytes)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "blobs"));
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllBytes(BlobPath(digest), bytes);
        return digest;
    }

    /// <summary>A layer of a text.</summary>
    public object Layer(string kind, string text) => Layer(kind, Encoding.UTF8.GetBytes(text));

    /// <summary>A layer of bytes.</summary>
    public object Layer(string kind, byte[] bytes, string? from = null) =>
        new { mediaType = "application/vnd.ollama.image." + kind, digest = Blob(bytes), size = bytes.Length, from };

    /// <summary>Writes a manifest and returns its path.</summary>
    public string Manifest(string name, object? config, params object[] layers)
    {
        var configBytes = JsonSerializer.SerializeToUtf8Bytes(config ?? new { model_format = "gguf" });
        return ManifestText(name, JsonSerializer.Serialize(new
        {
            schemaVersion = 2,
            mediaType = "application/vnd.docker.distribution.manifest.v2+json",
            config = new { mediaType = "application/vnd.docker.container.image.v1+json", digest = Blob(configBytes), size = configBytes.Length },
            layers,
        }));
    }

    /// <summary>Writes any text as a manifest; the name is <c>host/namespace/model/tag</c>.</summary>
    public string ManifestText(string name, string text)
    {
        var path = Path.Combine([Folder, "manifests", .. name.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
