using System.Text;

namespace Chasqui;

/// <summary>The headers that are for one connection alone, and so never go on from one side of a gateway to the other (RFC 9110, section 7.6.1). Thread-safe.</summary>
public static class ConnectionHeaders
{
    private static readonly string[] _names =
    [
        "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "http2-settings", "proxy-authenticate", "proxy-authorization",
        "proxy-authentication-info",
    ];

    private static readonly byte[][] _bytes = [.. _names.Select(Encoding.ASCII.GetBytes)];

    /// <summary>Whether a header is always one of them, whatever <c>Connection</c> says.</summary>
    /// <param name="name">Its name, in any case.</param>
    public static bool IsOne(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (var one in _names)
        {
            if (one.Length == name.Length && one.Equals(name, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>Whether a header is always one of them, whatever <c>Connection</c> says.</summary>
    /// <param name="name">Its name in ASCII, in any case.</param>
    public static bool IsOne(ReadOnlySpan<byte> name)
    {
        foreach (var one in _bytes)
        {
            if (one.Length == name.Length && Ascii.EqualsIgnoreCase(one, name))
                return true;
        }
        return false;
    }

    /// <summary>Whether the header <c>Connection</c> names another header as one of this connection.</summary>
    /// <param name="connection">The value of <c>Connection</c>; null or empty where there is none.</param>
    /// <param name="name">The other header's name, in any case.</param>
    public static bool Names(string? connection, string name)
    {
        if (string.IsNullOrEmpty(connection))
            return false;
        foreach (var part in connection.AsSpan().Split(','))
        {
            if (connection.AsSpan(part).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }
}
