using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>Joins the messages of streams from what frames bring, within what may be held, and hands them over. All under the connection's gate.</summary>
internal sealed class MessageIntake(Connection connection)
{
    /// <summary>Takes a message, or a part of one, and the END. Under the gate.</summary>
    /// <returns>What is to be completed, or told of its failure, outside of the gate.</returns>
    internal (UnaryCall? Done, Call? Failed) Take(Call call, FrameFlags flags, ReadOnlySpan<byte> body, int cost)
    {
        if (call.RemoteEnded)
            throw AfterEnd(call.Id);
        var held = cost > 0 ? connection.Flow.Arrived(call, cost) : 0;
        if (connection.Budget is not null && (flags & FrameFlags.End) == 0)
            call.HeardAt = connection.Options.Time.GetTimestamp();
        if ((flags & FrameFlags.Message) != 0)
        {
            if (!Join(call, (flags & FrameFlags.More) != 0, body, cost, held))
                return (null, call);
        }

        if ((flags & FrameFlags.End) == 0)
            return (null, null);
        if (call.Incomplete is not null)
            throw new ProtocolException(ErrorCode.ProtocolError, $"stream {call.Id} ended inside a message");
        connection.OnRemoteEnd(call);
        return (call is UnaryCall unary && unary.Claim() ? unary : null, null);
    }

    internal static ProtocolException AfterEnd(uint stream) => new(ErrorCode.StreamClosed, $"a frame for stream {stream} after its END");

    private bool Join(Call call, bool more, ReadOnlySpan<byte> body, int cost, int held)
    {
        if (call.IsDiscarded)
        {
            connection.Flow.Taken(call, new MessageBuffer { Cost = cost, Held = held });
            return true;
        }

        var part = call.Incomplete;
        if ((long)(part?.Length ?? 0) + body.Length > connection.Options.MaxMessageBytes)
            return TooLarge(call, held, $"a message above {connection.Options.MaxMessageBytes} bytes");
        if (part is null && !more)
        {
            Deliver(call, MessageBuffer.Of(body, cost, held));
            return true;
        }

        if (!connection.Flow.Hold(body.Length))
        {
            connection.Flow.Completed(body.Length);
            return TooLarge(call, held, "too many bytes of incomplete messages");
        }

        var fits = true;
        if (part is null)
        {
            call.Incomplete = part = MessageBuffer.Of(body, cost, held);
            if (connection.Budget is { } budget)
                part.Charge(budget);
        }
        else
        {
            fits = part.Append(body, connection.Budget, connection.Options.MaxMessageBytes);
            part.Cost += cost;
            part.Held += held;
        }

        if (more)
        {
            if (!fits)
                connection.Withhold(call);
            if (!call.HasQueued && call.WithheldSince == 0)
                connection.Flow.Joined(call);
            return true;
        }

        call.Incomplete = null;
        call.WithheldSince = 0;
        connection.Flow.Completed(part.Length);
        Deliver(call, part);
        return true;
    }

    private void Deliver(Call call, MessageBuffer buffer)
    {
        if (call is not UnaryCall unary)
        {
            call.Deliver(buffer);
            return;
        }

        connection.Flow.Taken(call, buffer);
        if (unary.Body is null)
            unary.Body = buffer;
        else
            buffer.Free();
    }

    private bool TooLarge(Call call, int held, string why)
    {
        connection.Flow.ReturnOnly(held);
        connection.Outbox.Frames.AppendReset(call.Id, ErrorCode.MessageTooLarge, why);
        connection.Fail(call, new StreamException(ErrorCode.MessageTooLarge, why));
        return false;
    }
}
