using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Chasqui.Server;

/// <summary>An address to listen on.</summary>
/// <param name="Address">The IP address; <see cref="IPAddress.IPv6Any"/> for all, IPv4 included.</param>
/// <param name="Port">The port; 0 takes a free one.</param>
public sealed record HttpEndpoint(IPAddress Address, int Port)
{
    /// <summary><c>127.0.0.1:11435</c>.</summary>
    public static HttpEndpoint Default { get; } = new(IPAddress.Loopback, 11435);

    /// <summary>Reads <c>ADDR:PORT</c>, where ADDR is an IPv4 address, an IPv6 address in brackets, <c>localhost</c> or <c>*</c>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out HttpEndpoint? endpoint)
    {
        endpoint = null;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = text[..colon];
        var address = host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" => IPAddress.IPv6Any,
            ['[', .., ']'] => IPAddress.TryParse(host[1..^1], out var v6) && v6.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? v6 : null,
            _ => host.Count(c => c == '.') == 3 && IPAddress.TryParse(host, out var v4) ? v4 : null,
        };
        if (address is null)
            return false;
        endpoint = new HttpEndpoint(address, port);
        return true;
    }

    /// <summary>As it is read, e.g. <c>127.0.0.1:11435</c>.</summary>
    public override string ToString() => new IPEndPoint(Address, Port).ToString();
}
