using Chasqui.Protocol;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Bounds the connections of MCP: all of them, and those whose hello has not come. Thread-safe.</summary>
internal sealed partial class WireAdmission(int maxConnections, int maxSilent, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Connection> _silent = [];
    private int _connections;
    private bool _isFull;

    /// <summary>Takes a place for a connection, to be given back with <see cref="Leave"/>.</summary>
    /// <returns>False where there are too many.</returns>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_connections < maxConnections)
            {
                _connections++;
                return true;
            }
            if (_isFull)
                return false;
            _isFull = true;
        }
        Full(maxConnections);
        return false;
    }

    /// <summary>Gives the place back.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _connections--;
            _isFull = false;
        }
    }

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

    [LoggerMessage(Level = LogLevel.Warning, Message = "There are {Connections} connections of MCP, the most that Mcp:MaxConnections allows; more are turned away")]
    private partial void Full(int connections);
}
