using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Chasqui.Server;

/// <summary>Accepts connections of MCP.</summary>
internal sealed class WireSocketListener(Socket socket) : IConnectionListener
{
    // Until files are closed again; trying at once would only burn the processor.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);

    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var accepted = await socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                if (EndPoint is IPEndPoint)
                    accepted.NoDelay = true;
                return new WireSocketConnection(accepted, EndPoint);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                return null;
            }
            catch (SocketException e)
            {
                // The one who knocked has gone again, or there are too many open files.
                if (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
                    await Task.Delay(_pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        socket.Dispose();
        return default;
    }

    public ValueTask DisposeAsync() => UnbindAsync();
}
