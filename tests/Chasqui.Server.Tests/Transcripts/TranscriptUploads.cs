using System.Security.Cryptography;

namespace Chasqui.Server.Tests;

/// <summary>The GGUF files that were uploaded to the recorded Ollama. They are not with the recording, so the shipped model stands for each, and its digest for theirs.</summary>
internal static class TranscriptUploads
{
    private static readonly Dictionary<string, (string Recorded, byte[] Bytes)> _files = Make(File.ReadAllBytes(Repository.Mini));

    /// <summary>What is uploaded in place of a recorded file.</summary>
    public static byte[] Bytes(string file) => _files[file].Bytes;

    /// <summary>A text with the digests of our files in place of the recorded ones.</summary>
    public static string Rename(string text) => _files.Values.Aggregate(text, (renamed, file) =>
        renamed.Replace(file.Recorded, Convert.ToHexStringLower(SHA256.HashData(file.Bytes)), StringComparison.Ordinal));

    private static Dictionary<string, (string Recorded, byte[] Bytes)> Make(byte[] mini) => new(StringComparer.Ordinal)
    {
        ["mini-q8_0.gguf"] = ("fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced", mini),
        ["mini-f16.gguf"] = ("99f14f9b4aafaaec882ca29a51b1d9506ffe62c5a6a1a474757066cd22fccb54", GgufEdit.WithNumber(mini, "test.copy", 2)),
        ["mini-embed-f16.gguf"] = ("e91d147b2b6454a7578694aeff7df86b743497e1956d98c9c553579667730472", GgufEdit.WithNumber(mini, "llama.pooling_type", 1)),
    };
}
