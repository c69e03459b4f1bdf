using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Chasqui.Engines.Models.Managed;

/// <summary>The digest that names a blob: <c>sha256:</c> (or <c>sha256-</c>) and 64 hex digits. Immutable.</summary>
internal readonly record struct BlobDigest
{
    private const string Prefix = "sha256";
    private const int Digits = 64;

    private static readonly SearchValues<char> _hex = SearchValues.Create("0123456789abcdefABCDEF");

    private BlobDigest(string hex) => Hex = hex;

    /// <summary>The digits, lower-case.</summary>
    public string Hex { get; }

    /// <summary>The name of its file, which is nothing but letters and digits: no path can be made of it.</summary>
    public string FileName => $"{Prefix}-{Hex}";

    /// <summary>As <c>pulling</c> and <c>pushing</c> show it.</summary>
    public string Short => Hex[..12];

    public static BlobDigest OfHash(ReadOnlySpan<byte> sha256) => new(Convert.ToHexStringLower(sha256));

    /// <summary>Reads a digest.</summary>
    /// <exception cref="InvalidRequestException">It is none.</exception>
    public static BlobDigest Parse(string? text) =>
        TryParse(text, out var digest) ? digest.Value : throw new InvalidRequestException("invalid digest format");

    public static bool TryParse(string? text, [NotNullWhen(true)] out BlobDigest? digest)
    {
        digest = text is { Length: 7 + Digits } && text.StartsWith(Prefix, StringComparison.Ordinal) && text[6] is ':' or '-'
            && text.AsSpan(7).IndexOfAnyExcept(_hex) < 0 ? new BlobDigest(text[7..].ToLowerInvariant()) : null;
        return digest is not null;
    }

    /// <summary><c>sha256:</c> and the digits.</summary>
    public override string ToString() => $"{Prefix}:{Hex}";
}
