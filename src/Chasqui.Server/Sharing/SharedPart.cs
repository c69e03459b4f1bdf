using Microsoft.Extensions.Primitives;

namespace Chasqui.Server;

/// <summary>A part of an answer that several get: first its head, then what was flushed together.</summary>
/// <param name="Head">The head; null for a part of the body.</param>
/// <param name="Body">Bytes of the body; empty for the head.</param>
/// <param name="Tokens">About how many tokens of the answer there are up to its end.</param>
internal readonly record struct SharedPart(SharedHead? Head, ReadOnlyMemory<byte> Body, int Tokens = 0)
{
    // Objects beside the bytes.
    private const int Overhead = 64;

    public static int SizeOf(SharedPart part) => part.Body.Length + (part.Head?.Size ?? 0) + Overhead;
}

/// <summary>Status and headers of an answer.</summary>
internal sealed record SharedHead(int Status, IReadOnlyList<KeyValuePair<string, StringValues>> Headers)
{
    public int Size => Headers.Sum(header => header.Key.Length + header.Value.ToString().Length);
}
