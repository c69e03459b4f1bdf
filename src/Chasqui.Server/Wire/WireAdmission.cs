using System.Net;
using Chasqui.Gateway.Shaping;
using Chasqui.Protocol;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Bounds the connections of MCP: all of them, and those whose hello has not come. Thread-safe.</summary>
internal sealed partial class WireAdmission(ConnectionQuota quota, int maxSilent, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Connection> _silent = [];
    private int _isFull;

    /// <summary>Takes a place for a connection, to be given back with <see cref="Leave"/>.</summary>
    /// <returns>Null, or why there is none.</returns>
    public RefusalReason? TryEnter(IPAddress? from)
    {
        if (quota.TryEnter(from) is not { } reason)
            return null;
        if (Interlocked.Exchange(ref _isFull, 1) == 0)
            Full(RefusalCounts.NameOf(reason), quota.Count);
        return reason;
    }

    /// <summary>Gives the place back.</summary>
    public void Leave(IPAddress? from)
    {
        quota.Leave(from);
        Volatile.Write(ref _isFull, 0);
    }

    /// <summary>What one is told that is turned away: a GOODBYE in the place of the hello.</summary>
    public static byte[] Goodbye(RefusalReason reason)
    {
        var frame = new byte[FrameHeader.Size + 4 + Varint.MaxSize + ControlPayload.MaxReason];
        // No stream was taken: the last one is 0.
        var length = 4 + ControlPayload.WriteReset(frame.AsSpan(FrameHeader.Size + 4), ErrorCode.Flood, ReasonOf(reason));
        FrameHeader.Write(frame, FrameType.Goodbye, length, 0);
        return frame[..(FrameHeader.Size + length)];
    }

    private static string ReasonOf(RefusalReason reason) => reason == RefusalReason.Connections
        ? "there are as many connections as the gateway takes (Mcp:MaxConnections)"
        : "there are as many connections from your address as it may have (Limits:ConnectionsPerAddress)";

    /// <summary>A connection waits for its hello. Where too many do, the one that has waited longest is closed: who says hello soon is not kept out.</summary>
    /// <returns>What is to be given to <see cref="Said"/>.</returns>
    public LinkedListNode<Connection> Waits(Connection connection)
    {
        Connection? oldest = null;
        LinkedListNode<Connection> place;
        lock (_gate)
        {
            if (_silent.Count >= maxSilent)
            {
                oldest = _silent.First!.Value;
                _silent.RemoveFirst();
            }
            place = _silent.AddLast(connection);
        }
        oldest?.Abort(ErrorCode.HandshakeTimeout, "too many connections wait for their hello");
        return place;
    }

    /// <summary>The hello has come, or the connection is over.</summary>
    public void Said(LinkedListNode<Connection> place)
    {
        lock (_gate)
        {
            if (place.List is not null)
                _silent.Remove(place);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of MCP is turned away ({Reason}); {Connections} are open")]
    private partial void Full(string reason, int connections);
}
