using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Ends connections of HTTP whose client takes nothing for too long while an answer waits for it, WebSockets too. Without it a client that does not read
/// keeps a slot of a node. The server's own minimum rate does not see this: it counts bytes that are still in the socket's buffer as sent. Thread-safe.
/// </summary>
/// <param name="limit">How long one write may wait for the client.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of connections that are ended.</param>
internal sealed partial class ClientStallGuard(TimeSpan limit, TimeProvider time, ILogger<ClientStallGuard> logger)
{
    private readonly TimeSpan _limit = limit;
    private readonly TimeProvider _time = time;

    /// <summary>Watches a connection until it is over.</summary>
    public async Task WatchAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var transport = connection.Transport;
        using var writer = new GuardedWriter(transport.Output, connection, this);
        connection.Transport = new Guarded(transport.Input, writer);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            connection.Transport = transport;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "a client took nothing of its answer for {Seconds} s; its connection {Connection} is closed")]
    private partial void LogStalled(double seconds, string connection);

    private sealed record Guarded(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class GuardedWriter(PipeWriter inner, ConnectionContext connection, ClientStallGuard guard) : PipeWriter, IDisposable
    {
        // Made when a write has to wait for the first time; most never do.
        private ITimer? _timer;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => Watched(inner.FlushAsync(cancellationToken));

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            Watched(inner.WriteAsync(source, cancellationToken));

        public void Dispose() => _timer?.Dispose();

        private ValueTask<FlushResult> Watched(ValueTask<FlushResult> flush) => flush.IsCompleted ? flush : WaitAsync(flush);

        private async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> flush)
        {
            _timer ??= guard._time.CreateBackgroundTimer("clients that take nothing", static writer => writer.Stalled(), this);
            _timer.Change(guard._limit, Timeout.InfiniteTimeSpan);
            try
            {
                return await flush.ConfigureAwait(false);
            }
            finally
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }

        private void Stalled()
        {
            guard.LogStalled(guard._limit.TotalSeconds, connection.ConnectionId);
            connection.Abort(new ConnectionAbortedException("the client took nothing of its answer for too long"));
        }
    }
}
