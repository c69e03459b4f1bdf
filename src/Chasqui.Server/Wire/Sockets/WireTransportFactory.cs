using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Chasqui.Server;

/// <summary>Binds the sockets of MCP.</summary>
internal sealed class WireTransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private const int Backlog = 512;

    public bool CanBind(EndPoint endpoint) => endpoint is WireSocketEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var inner = ((WireSocketEndPoint)endpoint).Inner;
        var socket = Create(ref inner);
        try
        {
            socket.Bind(inner);
            socket.Listen(Backlog);
            return ValueTask.FromResult<IConnectionListener>(new WireSocketListener(socket));
        }
        catch (SocketException e)
        {
            socket.Dispose();
            if (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
                throw new AddressInUseException(e.Message, e);
            throw;
        }
    }

    private static Socket Create(ref EndPoint endpoint)
    {
        if (endpoint is UnixDomainSocketEndPoint)
            return new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        if (endpoint is not IPEndPoint ip)
            throw new NotSupportedException($"{endpoint.GetType().Name} cannot be listened on");
        // A machine without IPv6 has IPv4.
        if (ip.Address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6)
            endpoint = ip = new IPEndPoint(IPAddress.Any, ip.Port);
        var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (ip.Address.Equals(IPAddress.IPv6Any))
            socket.DualMode = true;
        return socket;
    }
}
