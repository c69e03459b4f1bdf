using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>Answers a stream the peer opened. It runs on the read loop until its first real await, so it must not block before.</summary>
/// <param name="call">The stream; it belongs to the handler until the task is over. Unless it is answered to the end then, it is reset with INTERNAL.</param>
public delegate ValueTask StreamHandler(IncomingCall call);

/// <summary>A stream the peer opened.</summary>
public sealed class IncomingCall : Call
{
    private CancellationTokenSource? _aborted;
    private bool _cancelled;

    internal IncomingCall(Connection connection, StreamPriority priority, HeaderList headers)
        : base(connection, priority) => Headers = headers;

    /// <summary>The request's headers.</summary>
    public HeaderList Headers { get; }

    /// <summary>Whether the peer has sent its last message (those not yet read are still there).</summary>
    public bool RequestEnded => RemoteEnded;

    /// <summary>Fires when the peer gives up, the stream is reset or the connection ends. Not after the handler is over.</summary>
    public CancellationToken Aborted
    {
        get
        {
            lock (Connection.Gate)
            {
                if (_cancelled)
                    return new CancellationToken(canceled: true);
                return (_aborted ??= new CancellationTokenSource()).Token;
            }
        }
    }

    /// <summary>Whether it was reset, in which case whoever opened it wants no more of it; false where its connection was lost.</summary>
    public bool IsReset => Failure is StreamException;

    /// <summary>
    /// How long a reader has waited for the next byte of the request; null where the request is complete, no reader waits, or this side has
    /// granted no credit for more.
    /// Counted only where the connection has a budget.
    /// </summary>
    public TimeSpan? Silence
    {
        get
        {
            lock (Connection.Gate)
            {
                if (!IsOpen || RemoteEnded || WithheldSince != 0 || HasQueued || (Incomplete is null && !IsAwaited))
                    return null;
                return Connection.Options.Time.GetElapsedTime(HeardAt);
            }
        }
    }

    /// <summary>Reads no more of the request: who reads it, or wants to, gets this error, and what still comes is dropped. The answer can be sent all the same.</summary>
    public void EndRequest(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        lock (Connection.Gate)
        {
            if (!RemoteEnded)
                StopReading(error);
        }
        Connection.Outbox.Flush();
    }

    internal bool Responded { get; set; }

    /// <summary>Sends the answer's head, once.</summary>
    /// <param name="headers">Headers of the answer; not kept.</param>
    /// <param name="ct">Gives up.</param>
    public ValueTask RespondAsync(HeaderList headers, CancellationToken ct = default) =>
        Connection.Sender.RespondAsync(this, headers, default, hasMessage: false, end: false, ct);

    /// <summary>Sends the answer's head with its first message, once.</summary>
    /// <param name="headers">Headers of the answer; not kept.</param>
    /// <param name="message">The first message; must not change until this completes.</param>
    /// <param name="end">Whether it is also the last. Default true.</param>
    /// <param name="ct">Gives up.</param>
    public ValueTask RespondAsync(HeaderList headers, ReadOnlyMemory<byte> message, bool end = true, CancellationToken ct = default) =>
        Connection.Sender.RespondAsync(this, headers, message, hasMessage: true, end, ct);

    internal override void OnFailed(Exception error)
    {
        _cancelled = true;
        base.OnFailed(error);
    }

    internal override void AfterFailed()
    {
        // Callbacks of the application do not run on the read loop.
        if (_aborted is { } aborted)
            ThreadPool.UnsafeQueueUserWorkItem(static source => Cancel(source), aborted, preferLocal: false);
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
            // What a callback of the application throws is not the connection's matter.
        }
    }
}
