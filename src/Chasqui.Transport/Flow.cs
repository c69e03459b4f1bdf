using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>Credit, both ways. All under the gate. What the application takes is returned in halves of a window, so that credit costs few frames.</summary>
internal sealed class Flow(Connection connection)
{
    // One for the stream and one for the connection, of a peer that returns each message's credit by itself.
    private const int CreditFramesEach = 2;

    private long _window = connection.Options.Settings.ConnectionCredit;
    private long _returned;
    private long _incomplete;

    /// <summary>What may still be sent on the connection.</summary>
    internal long SendCredit { get; private set; }

    /// <summary>CREDIT frames the peer may still send without their counting as control frames.</summary>
    internal long CreditFrames { get; set; }

    /// <summary>What the peer may still send, and what is kept back until half a window is together.</summary>
    internal (long Window, long Returned) Receiving => (_window, _returned);

    internal void Start(Settings peer) => SendCredit = peer.ConnectionCredit;

    internal void Spend(Call call, int length)
    {
        var cost = DataFlags.Cost(length);
        call.SendCredit -= cost;
        SendCredit -= cost;
        CreditFrames += CreditFramesEach;
    }

    internal void Granted(long increment)
    {
        SendCredit += increment;
        if (SendCredit > int.MaxValue)
            throw new ProtocolException(ErrorCode.CreditExceeded, "the connection's credit is above 2^31-1");
    }

    internal void Granted(Call call, long increment)
    {
        call.SendCredit += increment;
        if (call.SendCredit > int.MaxValue)
            throw new ProtocolException(ErrorCode.CreditExceeded, "the stream's credit is above 2^31-1");
        connection.Scheduler.Enqueue(call);
    }

    /// <summary>Bytes have arrived for a stream that is open.</summary>
    /// <returns>
    /// What they keep of the connection's window until they are taken. That of a stream that nobody can read yet would keep others waiting for what may itself
    /// wait for them, so such a stream keeps its own window alone.
    /// </returns>
    internal int Arrived(Call call, int cost)
    {
        Arrived(cost);
        call.Window -= cost;
        if (call.Window < 0)
            throw new ProtocolException(ErrorCode.CreditExceeded, $"stream {call.Id} sent more bytes than were granted");
        if (call.CanBeRead)
            return cost;
        Return(cost);
        return 0;
    }

    /// <summary>Bytes have arrived for a stream that is gone: they return at once.</summary>
    internal void ArrivedForNobody(int cost)
    {
        Arrived(cost);
        Return(cost);
    }

    /// <summary>The application has taken a message.</summary>
    internal void Taken(Call call, MessageBuffer buffer)
    {
        Return(call, buffer);
        if (!call.HasQueued)
            Joined(call);
    }

    /// <summary>
    /// A part of a message has been joined. Its credit returns when the application has nothing else to take, for otherwise a message larger than the window
    /// could never be complete.
    /// </summary>
    internal void Joined(Call call)
    {
        if (call.Incomplete is { Cost: > 0 } part)
            Return(call, part);
    }

    /// <summary>Counts a part of an incomplete message.</summary>
    /// <returns>Whether it is within what all incomplete messages may hold.</returns>
    internal bool Hold(int length) => (_incomplete += length) <= connection.Options.MaxIncompleteBytes;

    internal void Completed(int length) => _incomplete -= length;

    internal void DropIncomplete(Call call, MessageBuffer part)
    {
        _incomplete -= part.Length;
        Return(call, part);
    }

    /// <summary>Bytes that have arrived are not kept, and their stream is about to end.</summary>
    internal void ReturnOnly(int held) => Return(held);

    private void Arrived(int cost)
    {
        _window -= cost;
        if (_window < 0)
            throw new ProtocolException(ErrorCode.CreditExceeded, "the connection sent more bytes than were granted");
    }

    private void Return(Call call, MessageBuffer buffer)
    {
        var (cost, held) = (buffer.Cost, buffer.Held);
        (buffer.Cost, buffer.Held) = (0, 0);
        Return(held);
        if (!call.IsOpen || call.RemoteEnded)
            return;
        call.Returned += cost;
        if (call.Returned * 2 < connection.Options.Settings.StreamCredit || call.Returned == 0)
            return;
        connection.Outbox.Frames.AppendCredit(call.Id, call.Returned);
        call.Window += call.Returned;
        call.Returned = 0;
    }

    private void Return(long cost)
    {
        _returned += cost;
        if (_returned * 2 < connection.Options.Settings.ConnectionCredit || _returned == 0 || !connection.MaySend)
            return;
        connection.Outbox.Frames.AppendCredit(0, _returned);
        _window += _returned;
        _returned = 0;
    }
}
