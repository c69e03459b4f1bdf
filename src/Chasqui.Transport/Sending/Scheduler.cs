using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>
/// Whose turn it is when several streams have something to send: urgent, normal and batch share the turns 16 : 4 : 1, within a class
/// streams take turns. A turn is one frame. All under the gate.
/// </summary>
internal sealed class Scheduler(Connection connection)
{
    private const int MaxChunk = 16 * 1024;

    // Made when somebody has to wait for the first time; most connections are idle.
    private Line[]? _lines;

    private static ReadOnlySpan<byte> Order => [(byte)StreamPriority.Urgent, (byte)StreamPriority.Normal, (byte)StreamPriority.Batch];

    internal bool IsEmpty => _lines is null || (_lines[0].Head is null && _lines[1].Head is null && _lines[2].Head is null);

    internal int Chunk => (int)Math.Min(MaxChunk, (connection.Peer?.MaxFrame ?? MaxChunk) - 64);

    /// <summary>Puts a stream with a pending message in line, unless its credit must come first.</summary>
    internal void Enqueue(Call call)
    {
        if (call.IsQueued || !call.HasPending || (!IsFree(call) && call.SendCredit < DataFlags.MinimumCost))
            return;
        call.IsQueued = true;
        _lines ??= [new(4), new(16), new(1)];
        _lines[(int)call.Priority].Add(call);
    }

    /// <summary>Lets streams take turns until the buffer is full, nobody is in line or the connection's credit is used up.</summary>
    internal void Fill()
    {
        while (connection.Outbox.HasRoom && Next() is { } line)
        {
            var call = line.Head!;
            if (!call.HasPending || !call.IsOpen)
            {
                Leave(line);
                continue;
            }

            if (!IsFree(call) && connection.Flow.SendCredit < DataFlags.MinimumCost)
                return;
            line.Turns--;
            Leave(line);
            Take(call);
            Enqueue(call);
        }
    }

    private static bool IsFree(Call call) => call.Pending.IsEmpty && call.PendingEnd && !call.PendingBegun;

    private static void Leave(Line line)
    {
        var call = line.Remove();
        call.IsQueued = false;
    }

    private Line? Next()
    {
        if (IsEmpty)
            return null;
        for (; ; )
        {
            foreach (var i in Order)
            {
                if (_lines![i] is { Head: not null, Turns: > 0 } line)
                    return line;
            }

            foreach (var line in _lines!)
                line.Turns = line.Weight;
        }
    }

    private void Take(Call call)
    {
        var credit = Math.Min(call.SendCredit, connection.Flow.SendCredit);
        var size = IsFree(call) ? 0 : (int)Math.Min(Math.Min(call.Pending.Length, Chunk), credit);
        var more = size < call.Pending.Length;
        var end = call.PendingEnd && !more;
        if (!IsFree(call))
            connection.Flow.Spend(call, size);
        connection.Outbox.Frames.AppendData(call.Id, call.Pending.Span[..size], end, more);
        call.Pending = call.Pending[size..];
        call.PendingBegun = true;
        if (more)
        {
            connection.Waits(call);
            return;
        }
        call.HasPending = false;
        call.Pending = default;
        if (end)
            connection.OnSentEnd(call);
        call.Writer?.TrySet(true);
    }

    private sealed class Line(int weight)
    {
        private Call? _tail;

        internal int Weight { get; } = weight;

        internal int Turns { get; set; } = weight;

        internal Call? Head { get; private set; }

        internal void Add(Call call)
        {
            if (_tail is null)
                Head = call;
            else
                _tail.NextQueued = call;
            _tail = call;
        }

        internal Call Remove()
        {
            var call = Head!;
            Head = call.NextQueued;
            call.NextQueued = null;
            if (Head is null)
                _tail = null;
            return call;
        }
    }
}
