using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// On a loopback address, refuses requests whose <c>Host</c> is a public name: a web page that lets its name point to this
/// machine (DNS rebinding) must not reach the API. The same rule as Ollama's.
/// </summary>
internal sealed class HostFilter(RequestDelegate next)
{
    private static readonly string[] _localSuffixes = [".localhost", ".local", ".internal"];

    public Task InvokeAsync(HttpContext http)
    {
        if (http.Connection.LocalIpAddress is not { } local || !IPAddress.IsLoopback(local) || IsLocal(http.Request.Host.Host))
            return next(http);
        http.Response.StatusCode = StatusCodes.Status403Forbidden;
        http.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    internal static bool IsLocal(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address))
        {
            if (address.IsIPv4MappedToIPv6)
                address = address.MapToIPv4();
            return IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || IsPrivate(address);
        }
        return host.Length == 0
            || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || host.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase)
            || _localSuffixes.Any(suffix => host.EndsWith(suffix, StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsPrivate(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return address.IsIPv6UniqueLocal;
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return bytes[0] == 10 || (bytes[0] == 172 && bytes[1] is >= 16 and < 32) || (bytes[0] == 192 && bytes[1] == 168);
    }
}
