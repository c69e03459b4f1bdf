using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Http1;

/// <summary>The answer on one connection, which goes back to its pool when the body was read to its end, and is closed otherwise.</summary>
internal sealed class Http1Answer(Http1Pool pool, Http1Connection connection, Http1Head head, CancellationTokenRegistration abort, CancellationToken cancellation) : IPassageAnswer
{
    private Http1Chunks _chunks;
    private long _left = head.Length;
    private int _given;
    private bool _ended = head.Framing == BodyFraming.None;
    private bool _distrusted;
    private bool _disposed;

    public int Status => head.Status;

    public long? ContentLength => head.Length >= 0 ? head.Length : null;

    public IReadOnlyList<KeyValuePair<string, string>> Headers => head.Headers;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        connection.Take(_given);
        _given = 0;
        // Who sent the request cancels reading, too; anything else that does is rare.
        using var other = cancellationToken == cancellation ? default : cancellationToken.UnsafeRegister(static c => ((Http1Connection)c!).Abort(), connection);
        try
        {
            while (!_ended)
            {
                var part = Next();
                if (!part.IsEmpty || _ended)
                    return part;
                if (await connection.ReceiveAsync().ConfigureAwait(false))
                    continue;
                if (head.Framing != BodyFraming.Close)
                    throw new EngineFailedException($"node '{pool.Name}' broke the connection off in the midst of its answer");
                _ended = true;
            }
            return default;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            cancellation.ThrowIfCancellationRequested();
            cancellationToken.ThrowIfCancellationRequested();
            throw new EngineFailedException($"node '{pool.Name}' broke the connection off in the midst of its answer: {e.Message}", e);
        }
        catch (FormatException e)
        {
            throw new EngineFailedException($"node '{pool.Name}' sent a body that is no HTTP: {e.Message}", e);
        }
    }

    public void Distrust() => _distrusted = true;

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        // No cancellation can reach the connection once this has returned: then it may serve another request.
        await abort.DisposeAsync().ConfigureAwait(false);
        connection.Take(_given);
        if (_ended && !_distrusted && head.KeepsAlive && connection.Unread.IsEmpty && !cancellation.IsCancellationRequested)
            pool.Return(connection);
        else
            connection.Dispose();
    }

    private ReadOnlyMemory<byte> Next()
    {
        var unread = connection.Unread;
        if (unread.IsEmpty)
            return default;
        switch (head.Framing)
        {
            case BodyFraming.Chunked:
                var range = _chunks.Next(unread.Span, out _given);
                _ended = _chunks.IsDone;
                var data = unread[range];
                if (data.IsEmpty)
                {
                    connection.Take(_given);
                    _given = 0;
                }
                return data;
            case BodyFraming.Length:
                _given = (int)Math.Min(_left, unread.Length);
                _left -= _given;
                _ended = _left == 0;
                return unread[.._given];
            default:
                _given = unread.Length;
                return unread;
        }
    }
}
