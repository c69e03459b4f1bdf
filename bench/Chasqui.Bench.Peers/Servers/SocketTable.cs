using System.Collections.Concurrent;
using System.Net.Sockets;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>The sockets of a server, so that the kernel can be asked what was sent, at no cost while it is measured.</summary>
internal sealed class SocketTable
{
    private const int Tcp = 6;
    private const int TcpInfo = 11;
    private const int BytesAcknowledged = 120;

    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();

    public int Count => _sockets.Count;

    public void Add(Socket socket) => _sockets[socket] = 0;

    public void Remove(Socket socket) => _sockets.TryRemove(socket, out _);

    /// <summary>Bytes of TCP payload that the peers have acknowledged; not a number elsewhere than on Linux.</summary>
    public double Sent()
    {
        if (!OperatingSystem.IsLinux())
            return double.NaN;
        var sum = 0d;
        Span<byte> info = stackalloc byte[BytesAcknowledged + 8];
        foreach (var (socket, _) in _sockets)
        {
            try
            {
                if (socket.GetRawSocketOption(Tcp, TcpInfo, info) == info.Length)
                    sum += BitConverter.ToUInt64(info[BytesAcknowledged..]);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // It has just been closed.
                continue;
            }
        }

        return sum;
    }
}
