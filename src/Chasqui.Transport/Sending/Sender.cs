using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>Messages of streams on their way out: straight into the buffer while there is room and credit, else in line.</summary>
internal sealed class Sender(Connection connection)
{
    private HeaderEncoder? _encoder;

    // Made when it is first needed: most of what an idle connection would hold is in it.
    private HeaderEncoder Encoder => _encoder ??= new HeaderEncoder(null, (int)Math.Min(4_096, connection.Peer!.HeaderTable));

    /// <summary>Appends the REQUEST of a stream that has just been opened. Under the gate. What does not fit goes in line.</summary>
    internal void Open(Call call, HeaderList headers, ReadOnlyMemory<byte> message, bool end)
    {
        if (message.IsEmpty && end)
        {
            // As in DATA: nothing but an end.
            Head(FrameType.Request, call, FrameFlags.End, headers, default);
            connection.OnSentEnd(call);
            return;
        }

        var flags = FrameFlags.None;
        var fits = Fits(call, message, small: true);
        if (fits)
            flags = FrameFlags.Message | (end ? FrameFlags.End : 0);
        Head(FrameType.Request, call, flags, headers, fits ? message.Span : default);
        if (fits)
            After(call, message.Length, end);
        else
            Wait(call, message, end);
    }

    /// <summary>Until the first message of a stream that has been opened has left.</summary>
    internal ValueTask OpenedAsync(OutgoingCall call, CancellationToken ct)
    {
        Waiter<bool> writer;
        short version;
        lock (connection.Gate)
        {
            if (!call.HasPending || !call.IsOpen)
                return default;
            (writer, version) = Arm(call);
        }

        return AwaitAsync(call, writer, version, ct);
    }

    internal ValueTask RespondAsync(
        IncomingCall call, HeaderList headers, ReadOnlyMemory<byte> message, bool hasMessage, bool end, CancellationToken ct)
    {
        var version = (short)-1;
        Waiter<bool>? writer = null;
        lock (connection.Gate)
        {
            Check(call);
            if (call.Responded)
                throw new InvalidOperationException("The answer's head has already been sent.");
            call.Responded = true;
            if (hasMessage && end && message.IsEmpty)
            {
                Head(FrameType.Response, call, FrameFlags.End, headers, default);
                connection.OnSentEnd(call);
                goto flush;
            }

            var fits = hasMessage && Fits(call, message, small: false);
            var flags = fits ? FrameFlags.Message | (end ? FrameFlags.End : 0) : FrameFlags.None;
            Head(FrameType.Response, call, flags, headers, fits ? message.Span : default);
            if (fits)
            {
                After(call, message.Length, end);
            }
            else if (hasMessage)
            {
                (writer, version) = Arm(call);
                Wait(call, message, end);
            }
        }

    flush:
        connection.Outbox.Flush();
        return writer is null ? default : AwaitAsync(call, writer, version, ct);
    }

    internal ValueTask WriteAsync(Call call, ReadOnlyMemory<byte> message, bool end, CancellationToken ct)
    {
        Waiter<bool> writer;
        short version;
        lock (connection.Gate)
        {
            if (message.IsEmpty && end && call.SentEnd)
                return default;
            Check(call);
            if (call is IncomingCall { Responded: false })
                throw new InvalidOperationException("The answer's head comes before its messages.");
            var endsOnly = message.IsEmpty && end;
            if (endsOnly || (connection.Scheduler.IsEmpty && Fits(call, message, small: false)))
            {
                connection.Outbox.Frames.AppendData(call.Id, message.Span, end, more: false);
                if (endsOnly)
                    connection.OnSentEnd(call);
                else
                    After(call, message.Length, end);
                goto flush;
            }

            (writer, version) = Arm(call);
            Wait(call, message, end);
        }

        connection.Outbox.Flush();
        return AwaitAsync(call, writer, version, ct);
    flush:
        connection.Outbox.Flush();
        return default;
    }

    private static void Check(Call call)
    {
        if (call.Failure is { } failure)
            throw failure is StreamException s ? new StreamException(s.Code, s.Reason) : failure;
        if (call.HasPending)
            throw new InvalidOperationException("Another write of this stream is still waiting.");
        if (call.SentEnd || !call.IsOpen)
            throw new InvalidOperationException("This side of the stream has ended.");
    }

    private static (Waiter<bool> Writer, short Version) Arm(Call call)
    {
        var writer = call.Writer ??= new Waiter<bool>(call.Connection.Ready);
        if (!writer.IsIdle)
            throw new InvalidOperationException("Another write of this stream is still waiting.");
        return (writer, writer.Arm());
    }

    private bool Fits(Call call, ReadOnlyMemory<byte> message, bool small)
    {
        if (message.Length > (small && !connection.Outbox.HasRoom ? 1_024 : connection.Scheduler.Chunk))
            return false;
        if (!small && !connection.Outbox.HasRoom)
            return false;
        var cost = DataFlags.Cost(message.Length);
        return call.SendCredit >= cost && connection.Flow.SendCredit >= cost;
    }

    private void Head(FrameType type, Call call, FrameFlags flags, HeaderList headers, ReadOnlySpan<byte> body)
    {
        // A header list of more than fits beside the body is the caller's mistake; the peer would refuse it anyway.
        connection.Outbox.Frames.AppendHead(type, call.Id, flags, type == FrameType.Request ? call.Priority : 0, headers.AsSpan(), Encoder, body);
    }

    private void After(Call call, int length, bool end)
    {
        connection.Flow.Spend(call, length);
        if (end)
            connection.OnSentEnd(call);
    }

    private void Wait(Call call, ReadOnlyMemory<byte> message, bool end)
    {
        (call.Pending, call.PendingEnd, call.PendingBegun, call.HasPending) = (message, end, false, true);
        connection.Waits(call);
        connection.Scheduler.Enqueue(call);
    }

    private async ValueTask AwaitAsync(Call call, Waiter<bool> writer, short version, CancellationToken ct)
    {
        writer.CancelWith(ct);
        try
        {
            await writer.VoidTask(version).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            var begun = false;
            lock (connection.Gate)
            {
                begun = call.HasPending && call.PendingBegun;
                call.HasPending = false;
                call.Pending = default;
            }

            if (begun)
                connection.ResetByUs(call, ErrorCode.Cancelled, "");
            throw;
        }
    }
}
