using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary>
/// Kestrel's endpoints for MCP have a transport of their own: frames are read from and written to the socket without a second buffer in between, and what
/// waits costs little memory. HTTP keeps Kestrel's transport.
/// </summary>
public static class WireKestrel
{
    /// <summary>Adds the transport. Without it <see cref="ListenWire"/> has nobody to bind its endpoints.</summary>
    public static IServiceCollection AddWireTransport(this IServiceCollection services) =>
        services.AddSingleton<IConnectionListenerFactory, WireTransportFactory>();

    /// <summary>Listens for MCP.</summary>
    /// <param name="kestrel">The server.</param>
    /// <param name="endpoint">An <see cref="IPEndPoint"/> or <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/>. <see cref="IPAddress.IPv6Any"/> takes IPv4 as well.</param>
    /// <param name="configure">What answers, e.g. <c>UseConnectionHandler</c>.</param>
    public static void ListenWire(this KestrelServerOptions kestrel, EndPoint endpoint, Action<ListenOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        kestrel.Listen(new WireSocketEndPoint(endpoint), configure);
    }
}
