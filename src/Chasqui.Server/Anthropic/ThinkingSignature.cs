using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Chasqui.Server;

/// <summary>
/// The signature of a block of thinking: a hash of its text. Clients require one that is not empty, and send it back with the block; here it protects nothing, and is not looked at.
/// Not thread-safe.
/// </summary>
internal sealed class ThinkingSignature : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>The signature of a whole text.</summary>
    public static string Of(string text)
    {
        using var signature = new ThinkingSignature();
        signature.Add(text);
        return signature.Take();
    }

    /// <summary>Adds more of the text.</summary>
    public void Add(string piece) => _hash.AppendData(MemoryMarshal.AsBytes(piece.AsSpan()));

    /// <summary>The signature of what was added since the last one.</summary>
    public string Take() => Convert.ToBase64String(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
