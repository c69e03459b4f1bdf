using System.Buffers;
using System.Net;
using System.Text;

namespace Chasqui.Gateway.Requests;

/// <summary>What a node would have to fetch to answer a request.</summary>
public enum Fetches
{
    /// <summary>Nothing: what there is stands in the request itself.</summary>
    Nothing,

    /// <summary>Something from a host of the public internet, as far as its name or number tells.</summary>
    Public,

    /// <summary>Something from a private address, from this machine, from a file, or from where cannot be told for sure.</summary>
    Private,
}

/// <summary>
/// Tells where a URL leads. Strict: what two readers of URLs could read in two ways counts as private, and so does what one server would
/// take for the name of a file. Names are not resolved: it is the node that resolves them,
/// and it may get another answer.
/// </summary>
internal static class FetchedUrl
{
    private const int MaxHost = 253;

    private static readonly SearchValues<byte> _base64 = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"u8);
    private static readonly SearchValues<byte> _hostBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"u8);

    // PNG, JPEG, GIF, RIFF (WebP, WAV, AVI), BMP, TIFF, ICO, PDF, Ogg, FLAC, MP3 with a tag, Matroska and WebM. MP3 without one begins with
    // "//", as the address of a host does.
    private static readonly byte[][] _beginnings =
    [
        [.. "iVBORw0KGgo"u8], [.. "/9j/"u8], [.. "R0lGOD"u8], [.. "UklGR"u8], [.. "Qk0"u8], [.. "Qk1"u8], [.. "Qk2"u8], [.. "Qk3"u8], [.. "SUkqA"u8], [.. "TU0AK"u8], [.. "AAABAA"u8],
        [.. "JVBERi"u8], [.. "T2dnU"u8], [.. "ZkxhQ"u8], [.. "SUQz"u8], [.. "GkXfo"u8],
    ];

    // The last parts of names that lead into a house, or to a number that stands in the name itself.
    private static readonly string[] _inside =
    [
        "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "test", "invalid",
        "nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com",
    ];

    /// <summary>Where a text that may be a URL leads.</summary>
    /// <param name="value">The text between its quotes.</param>
    /// <param name="escaped">Whether it has escapes of JSON.</param>
    public static Fetches Of(ReadOnlySpan<byte> value, bool escaped)
    {
        if (!escaped || StartsWith(value, "data:"u8))
            return Of(value);
        var plain = ArrayPool<byte>.Shared.Rent(value.Length);
        try
        {
            return Of(plain.AsSpan(0, JsonEscapes.Decode(value, plain)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private static Fetches Of(ReadOnlySpan<byte> url)
    {
        while (url is [<= (byte)' ', ..])
            url = url[1..];
        if (url.IsEmpty || StartsWith(url, "data:"u8) || IsMedia(url))
            return Fetches.Nothing;
        var rest = StartsWith(url, "http://"u8) ? url["http://".Length..] : StartsWith(url, "https://"u8) ? url["https://".Length..] : default;
        // A backslash is a slash to some, and what cannot be seen is left out by some.
        if (rest.IsEmpty || rest.Contains((byte)'\\') || rest.IndexOfAnyInRange((byte)0, (byte)' ') >= 0)
            return Fetches.Private;
        var end = rest.IndexOfAny("/?#"u8);
        return IsPublic(end < 0 ? rest : rest[..end]) ? Fetches.Public : Fetches.Private;
    }

    /// <summary>
    /// Whether it is a picture, a sound or a film in base64. Its letters alone do not say so: a path such as <c>/etc/passwd</c> has no
    /// others, and servers that take base64 without
    /// <c>data:</c> look first whether the text is the name of a file, or begins with <c>http</c>. So it has to begin as one of the usual
    /// formats does.
    /// </summary>
    private static bool IsMedia(ReadOnlySpan<byte> text)
    {
        if (text.IndexOfAnyExcept(_base64) >= 0)
            return false;
        // MP4, HEIC and AVIF begin with a length, of which only the first three bytes are sure, and "ftyp".
        if (text.Length > 9 && text.StartsWith("AAAA"u8) && text[5..8].SequenceEqual("GZ0"u8) && text[8..10].SequenceEqual("eX"u8))
            return true;
        foreach (var beginning in _beginnings)
        {
            if (text.StartsWith(beginning))
                return true;
        }
        return false;
    }

    /// <summary>Host and perhaps port; a user before it is never public, since readers do not agree where it ends.</summary>
    private static bool IsPublic(ReadOnlySpan<byte> authority)
    {
        if (authority is [(byte)'[', ..])
        {
            var close = authority.IndexOf((byte)']');
            return close > 0 && IsPort(authority[(close + 1)..])
                && IPAddress.TryParse(Encoding.ASCII.GetString(authority[1..close]), out var six) && six.ScopeId == 0 && PublicAddress.Is(six);
        }
        var colon = authority.IndexOf((byte)':');
        var host = colon < 0 ? authority : authority[..colon];
        if (!IsPort(authority[host.Length..]) || host.IsEmpty || host.Length > MaxHost || host.IndexOfAnyExcept(_hostBytes) >= 0)
            return false;
        var name = Encoding.ASCII.GetString(host).ToLowerInvariant();
        name = name.EndsWith('.') ? name[..^1] : name;
        if (IsNumber(name[(name.LastIndexOf('.') + 1)..]))
            return TryNumbers(name, out var four) && PublicAddress.Is(four);
        // A name without a dot is one of the node's own network.
        return name.Contains('.', StringComparison.Ordinal) && !name.Contains("..", StringComparison.Ordinal) && name[0] != '.'
            && !Array.Exists(_inside, end => name == end || (name.EndsWith(end, StringComparison.Ordinal) && name[^(end.Length + 1)] == '.'));
    }

    private static bool IsPort(ReadOnlySpan<byte> text) => text.IsEmpty || (text[0] == (byte)':' && text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0);

    /// <summary>Whether a host whose last part this is, is a number to those who read numbers as <c>inet_aton</c> does.</summary>
    private static bool IsNumber(string part) => part.Length > 0
        && (part.All(char.IsAsciiDigit) || (part.StartsWith("0x", StringComparison.Ordinal) && part[2..].All(char.IsAsciiHexDigit)));

    /// <summary>One to four parts, each decimal, octal with a 0 before it, or hexadecimal with 0x; the last one fills what is left.</summary>
    private static bool TryNumbers(string host, out IPAddress address)
    {
        address = IPAddress.Any;
        var parts = host.Split('.');
        if (parts.Length > 4)
            return false;
        ulong all = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var isLast = i == parts.Length - 1;
            var most = isLast ? 1UL << (8 * (5 - parts.Length)) : 256;
            if (!IsNumber(parts[i]) || Number(parts[i]) is not { } number || number >= most)
                return false;
            all = isLast ? (all << (8 * (5 - parts.Length))) | number : (all << 8) | number;
        }
        // With a 0 before it a part is octal to some readers and decimal to others.
        if (Array.Exists(parts, part => part.Length > 1 && part[0] == '0' && part[1] != 'x'))
            return false;
        address = new IPAddress([(byte)(all >> 24), (byte)(all >> 16), (byte)(all >> 8), (byte)all]);
        return true;
    }

    private static ulong? Number(string part)
    {
        var hex = part.StartsWith("0x", StringComparison.Ordinal);
        var digits = (hex ? part[2..] : part).TrimStart('0');
        return digits.Length == 0 ? 0 : digits.Length > 10 ? null : Convert.ToUInt64(digits, hex ? 16 : 10);
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) => text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
}
