using System.IO.Pipelines;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace Chasqui.Transport.Endpoints;

/// <summary>
/// A byte stream as a pipe that is closed in two steps: completing the output tells the peer that no more bytes come, completing the input as well closes
/// the stream. So the peer can still read what was written last.
/// </summary>
public sealed class WirePipe : IDuplexPipe
{
    private readonly Stream? _stream;
    private readonly Socket? _socket;
    private readonly Func<ValueTask>? _shutdown;
    private int _open = 2;

    private WirePipe(Stream? stream, Socket? socket, Func<ValueTask>? shutdown, bool isMostlyIdle)
    {
        (_stream, _socket, _shutdown) = (stream, socket, shutdown);
        Input = new StreamInput(this, stream, socket, isMostlyIdle);
        Output = new StreamOutput(this, stream, socket);
    }

    /// <summary>What the peer sends. Each read gives one contiguous buffer.</summary>
    public PipeReader Input { get; }

    /// <summary>What is sent. Written at once, without a buffer of its own.</summary>
    public PipeWriter Output { get; }

    /// <summary>Wraps a stream, which is owned from then on.</summary>
    /// <param name="stream">Must allow one read and one write at a time.</param>
    /// <param name="shutdown">Tells the peer that no more bytes come; may fail when the stream is gone.</param>
    public static WirePipe Over(Stream stream, Func<ValueTask> shutdown)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(shutdown);
        return new WirePipe(stream, null, shutdown, isMostlyIdle: false);
    }

    /// <summary>Wraps a connected socket, which is owned from then on.</summary>
    /// <param name="socket">A stream socket.</param>
    /// <param name="isMostlyIdle">Whether no buffer is held while nothing comes, at the price of one more call of the system for each wait; a socket
    /// that is busy keeps its buffer. Default false.</param>
    public static WirePipe Over(Socket socket, bool isMostlyIdle = false)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new WirePipe(null, socket, null, isMostlyIdle);
    }

    /// <summary>Wraps a WebSocket, which is owned from then on. What is written leaves in binary messages; their bounds mean nothing.</summary>
    public static WirePipe Over(WebSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new WirePipe(
            WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true),
            null,
            async () => await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).ConfigureAwait(false), isMostlyIdle: false);
    }

    internal async ValueTask ShutdownAsync()
    {
        try
        {
            _socket?.Shutdown(SocketShutdown.Send);
            if (_shutdown is not null)
                await _shutdown().ConfigureAwait(false);
        }
        finally
        {
            await CloseSideAsync().ConfigureAwait(false);
        }
    }

    internal ValueTask CloseSideAsync()
    {
        if (Interlocked.Decrement(ref _open) > 0)
            return default;
        _socket?.Dispose();
        return _stream?.DisposeAsync() ?? default;
    }

    /// <summary>Ends both sides at once.</summary>
    internal void Close()
    {
        _socket?.Dispose();
        _stream?.Dispose();
    }
}
