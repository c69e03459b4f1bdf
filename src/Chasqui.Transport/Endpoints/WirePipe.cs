using System.IO.Pipelines;
using System.Net.WebSockets;

namespace Chasqui.Transport.Endpoints;

/// <summary>
/// A byte stream as a pipe that is closed in two steps: completing the output tells the peer that no more bytes come, completing the input as well closes
/// the stream. So the peer can still read what was written last.
/// </summary>
public sealed class WirePipe : IDuplexPipe
{
    private readonly Stream _stream;
    private readonly Func<ValueTask> _shutdown;
    private int _open = 2;

    private WirePipe(Stream stream, Func<ValueTask> shutdown)
    {
        (_stream, _shutdown) = (stream, shutdown);
        Input = new StreamInput(stream, CloseSideAsync);
        Output = new StreamOutput(stream, ShutdownAsync);
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
        return new WirePipe(stream, shutdown);
    }

    /// <summary>Wraps a WebSocket, which is owned from then on. What is written leaves in binary messages; their bounds mean nothing.</summary>
    public static WirePipe Over(WebSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new WirePipe(
            WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true),
            async () => await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).ConfigureAwait(false));
    }

    private async ValueTask ShutdownAsync()
    {
        try
        {
            await _shutdown().ConfigureAwait(false);
        }
        finally
        {
            await CloseSideAsync().ConfigureAwait(false);
        }
    }

    private ValueTask CloseSideAsync() => Interlocked.Decrement(ref _open) == 0 ? _stream.DisposeAsync() : default;
}
