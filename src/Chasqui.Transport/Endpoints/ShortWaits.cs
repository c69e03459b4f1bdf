using System.Diagnostics;
using System.Net.Sockets;

namespace Chasqui.Transport.Endpoints;

/// <summary>
/// Waits for bytes by looking, where answers come faster than a thread is put to sleep and woken. It looks only after waits that were short, gives up sooner
/// and sooner when it looks in vain, and lets other sockets of its thread have their turn. Not thread-safe.
/// </summary>
/// <param name="socket">The socket.</param>
internal struct ShortWaits(Socket socket)
{
    // A look that would be longer is worse than sleeping; a wait up to the second bound may have been short but for the sleeping.
    private static readonly long _lookFor = Stopwatch.Frequency * 100 / 1_000_000;
    private static readonly long _short = Stopwatch.Frequency * 250 / 1_000_000;

    private const int MaxSkipped = 256;
    private const int MaxInARow = 64;

    // Reads of one socket in a row, after which its thread is taken to have no other.
    private const int Alone = 16;

    /// <summary>Which socket this thread has read last, and how often in a row.</summary>
    [ThreadStatic]
    private static (Socket? Socket, int Reads) _last;

    private long _began;
    private bool _wasShort;
    private int _inARow;
    private int _skip;
    private int _skipped;

    /// <summary>Before a read.</summary>
    /// <returns>Whether there are bytes already.</returns>
    internal bool Begin()
    {
        _began = Stopwatch.GetTimestamp();
        if (!_wasShort || ++_skipped <= _skip)
            return false;
        if (_inARow >= MaxInARow || _last.Socket != socket || _last.Reads < Alone)
        {
            _inARow = 0;
            return false;
        }

        _skipped = 0;
        var has = Look();
        _inARow = has ? _inARow + 1 : 0;
        _skip = has ? 0 : Math.Clamp(_skip * 2, 1, MaxSkipped);
        return has;
    }

    /// <summary>After a read.</summary>
    internal void End()
    {
        _wasShort = Stopwatch.GetTimestamp() - _began < _short;
        _last = (socket, _last.Socket == socket ? Math.Min(_last.Reads + 1, Alone) : 1);
    }

    private readonly bool Look()
    {
        try
        {
            while (socket.Available == 0)
            {
                if (Stopwatch.GetTimestamp() - _began >= _lookFor)
                    return false;
                Thread.Yield();
            }

            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The read tells it.
            return true;
        }
    }
}
