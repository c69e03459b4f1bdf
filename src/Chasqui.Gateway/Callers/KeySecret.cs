using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Chasqui.Gateway;

/// <summary>
/// The text of a key, <c>chq_</c>, its id, <c>_</c> and its secret: letters and digits only, so that a double click takes all of it. What is kept is the SHA-256 of the text and
/// nothing else. A slow hash would add nothing: it is for what people choose, and here are 256 bits that nobody has chosen.
/// </summary>
public static class KeySecret
{
    /// <summary>What every key begins with, so that scanners for leaked secrets find it.</summary>
    public const string Prefix = "chq_";

    /// <summary>Characters of an id.</summary>
    public const int IdLength = 12;

    // 43 digits of base 62 are more than 2^256.
    private const int SecretLength = 43;
    private const int Length = 4 + IdLength + 1 + SecretLength;
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>Makes a key of random bits.</summary>
    public static (string Id, string Text) Make()
    {
        var id = RandomNumberGenerator.GetString(Digits, IdLength);
        return (id, $"{Prefix}{id}_{RandomNumberGenerator.GetString(Digits, SecretLength)}");
    }

    /// <summary>The id in a key's text, which is no secret.</summary>
    public static bool TryGetId(string text, [NotNullWhen(true)] out string? id)
    {
        ArgumentNullException.ThrowIfNull(text);
        id = null;
        if (text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length + IdLength] != '_')
            return false;
        id = text.Substring(Prefix.Length, IdLength);
        return IsId(id);
    }

    /// <summary>Whether a text is an id.</summary>
    public static bool IsId(string text) => text is { Length: IdLength } && text.All(char.IsAsciiLetterOrDigit);

    /// <summary>What is kept of a key: 32 bytes.</summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
