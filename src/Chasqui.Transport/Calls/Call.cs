using System.Runtime.CompilerServices;
using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>
/// One stream. One read and one write may wait at a time; reading, writing and <see cref="Reset"/> may be called from different threads.
/// A stream that ended in error throws <see cref="StreamException"/>, one whose connection is gone <see cref="ConnectionClosedException"/>.
/// </summary>
public abstract class Call
{
    private const int MaxTaken = 1_024;

    private Waiter<Message?>? _reader;
    private MessageBuffer? _head;
    private MessageBuffer? _tail;

    // Nobody reads any more: what still comes is not kept.
    private bool _discarded;

    // Taken from the queue but not yet given to the reader; the reader's own, so it costs no lock.
    private MessageBuffer? _taken;

    internal Call(Connection connection, StreamPriority priority) => (Connection, Priority) = (connection, priority);

    /// <summary>The connection the stream belongs to.</summary>
    public Connection Connection { get; }

    /// <summary>Which share of the turns the stream has where several have something to send.</summary>
    public StreamPriority Priority { get; internal set; }

    /// <summary>The stream's number on its connection.</summary>
    public uint Id { get; internal set; }

    // All that follows is guarded by the connection's gate.
    internal bool IsOpen { get; set; }

    internal bool SentEnd { get; set; }

    internal bool RemoteEnded { get; set; }

    internal Exception? Failure { get; set; }

    internal long SendCredit { get; set; }

    internal ReadOnlyMemory<byte> Pending { get; set; }

    internal bool HasPending { get; set; }

    internal bool PendingBegun { get; set; }

    internal bool PendingEnd { get; set; }

    // When any of the pending message left last, or it began to wait; of no meaning while nothing is pending.
    internal long WaitingSince { get; set; }

    internal bool IsQueued { get; set; }

    internal Call? NextQueued { get; set; }

    internal Waiter<bool>? Writer { get; set; }

    internal long Window { get; set; }

    internal long Returned { get; set; }

    internal MessageBuffer? Incomplete { get; set; }

    // Since when it gets no credit because there is no room for its message; 0 where that is not so.
    internal long WithheldSince { get; set; }

    // When bytes came last, or a reader began to wait for them; counted only where there is a budget.
    internal long HeardAt { get; set; }

    // Why reading has ended; null while it may go on.
    internal Exception? Stopped { get; private set; }

    internal bool HasQueued => _head is not null;

    internal bool IsAwaited => _reader is { IsArmed: true };

    internal bool IsDiscarded => _discarded;

    /// <summary>Whether the application has the stream, so that it can take what comes.</summary>
    internal virtual bool CanBeRead => true;

    /// <summary>Whether the peer has sent its last message (those not yet read are still there).</summary>
    public bool RequestOrAnswerEnded => RemoteEnded;

    /// <summary>The next message, or null after the last.</summary>
    /// <param name="ct">Ends the wait, not the stream.</param>
    public ValueTask<Message?> ReadAsync(CancellationToken ct = default)
    {
        if (_taken is { } ready)
        {
            _taken = ready.Next;
            ready.Next = null;
            return new ValueTask<Message?>(new Message(ready));
        }

        Waiter<Message?> waiter;
        short version;
        lock (Connection.Gate)
        {
            if (TakeQueued() is { } buffer)
            {
                Connection.Flow.Taken(this, buffer);
                _taken = TakeMore();
                return Flushed(new Message(buffer));
            }

            if ((Stopped ?? Failure) is { } failure)
                return ValueTask.FromException<Message?>(failure);
            if (RemoteEnded)
                return new ValueTask<Message?>((Message?)null);
            if (ct.IsCancellationRequested)
                return ValueTask.FromCanceled<Message?>(ct);
            waiter = _reader ??= new Waiter<Message?>(Connection.Ready);
            if (!waiter.IsIdle)
                throw new InvalidOperationException("Another read of this stream is still waiting.");
            version = waiter.Arm();
            if (Connection.Budget is not null)
                HeardAt = Connection.Options.Time.GetTimestamp();
        }

        waiter.CancelWith(ct);
        return waiter.Task(version);
    }

    /// <summary>The messages until the last. Each is to be disposed.</summary>
    /// <param name="ct">Ends the wait, not the stream.</param>
    public async IAsyncEnumerable<Message> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        while (await ReadAsync(ct).ConfigureAwait(false) is { } message)
            yield return message;
    }

    /// <summary>Sends a message. Completes when the bytes have been taken over; until then they must not change. Waits while the peer grants no credit.</summary>
    /// <param name="message">The message; empty together with <paramref name="end"/> only ends this direction.</param>
    /// <param name="end">Whether nothing more follows.</param>
    /// <param name="ct">Withdraws the message; if a part of it has already left, the stream is reset with CANCELLED.</param>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> message, bool end = false, CancellationToken ct = default) =>
        Connection.Sender.WriteAsync(this, message, end, ct);

    /// <summary>Ends this direction without a further message. Does nothing if it has already ended.</summary>
    public ValueTask CompleteAsync() => SentEnd ? default : WriteAsync(default, end: true);

    /// <summary>Ends the stream at once, both ways. Does nothing if it is already over.</summary>
    /// <param name="code">A code of streams.</param>
    /// <param name="reason">For people, at most 1,024 bytes; longer is cut.</param>
    public void Reset(ErrorCode code, string reason = "") => Connection.ResetByUs(this, code, reason);

    internal void Deliver(MessageBuffer buffer)
    {
        if (_reader is { IsArmed: true } && _reader.TrySet(new Message(buffer)))
        {
            Connection.Flow.Taken(this, buffer);
            return;
        }

        if (_discarded)
        {
            Connection.Flow.Taken(this, buffer);
            buffer.Free();
            return;
        }

        if (_tail is null)
        {
            _head = buffer;
        }
        else
        {
            // The first that waits is nearly always taken at once.
            if (Connection.Budget is { } budget)
                buffer.Charge(budget);
            _tail.Next = buffer;
        }

        _tail = buffer;
    }

    internal MessageBuffer? TakeQueued()
    {
        var buffer = _head;
        if (buffer is null)
            return null;
        if ((_head = buffer.Next) is null)
            _tail = null;
        buffer.Next = null;
        return buffer;
    }

    /// <summary>Further small messages, so that a reader of tokens comes to the gate once for many.</summary>
    private MessageBuffer? TakeMore()
    {
        var (first, last) = ((MessageBuffer?)null, (MessageBuffer?)null);
        for (var bytes = 0; bytes < MaxTaken && _head is { Length: <= MaxTaken }; bytes += last!.Length + DataFlags.MinimumCost)
        {
            var buffer = TakeQueued()!;
            Connection.Flow.Taken(this, buffer);
            if (last is null)
                first = buffer;
            else
                last.Next = buffer;
            last = buffer;
        }

        return first;
    }

    /// <summary>Frees what the application has not taken, now and from now on; its credit goes back to the connection.</summary>
    internal void Discard()
    {
        _discarded = true;
        while (TakeQueued() is { } buffer)
        {
            Connection.Flow.Taken(this, buffer);
            buffer.Free();
        }

        DropIncomplete();
    }

    /// <summary>Ends reading: a reader gets the reason, and what has come and still comes is not kept. Under the gate.</summary>
    internal void StopReading(Exception why)
    {
        Stopped ??= why;
        Discard();
        _reader?.TryFail(why);
    }

    internal void DropIncomplete()
    {
        WithheldSince = 0;
        if (Incomplete is not { } part)
            return;
        Incomplete = null;
        Connection.Flow.DropIncomplete(this, part);
        part.Free();
    }

    /// <summary>The peer sends no more messages.</summary>
    internal virtual void OnRemoteEnd() => _reader?.TrySet(null);

    /// <summary>The stream ended in error; what waits is told. Called under the gate.</summary>
    internal virtual void OnFailed(Exception error)
    {
        Failure = error;
        _reader?.TryFail(error);
        Writer?.TryFail(error);
    }

    /// <summary>What must not be done under the gate.</summary>
    internal virtual void AfterFailed()
    {
    }

    private ValueTask<Message?> Flushed(Message message)
    {
        Connection.Outbox.FlushIfUrgent();
        return new ValueTask<Message?>(message);
    }
}
