using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>
/// What a program in C would do with the same bytes: a thread for each connection, blocking sockets, requests that are due sent in one
/// go. No headers are read, no credit is counted, nobody else can use the connection: a floor, not a protocol.
/// </summary>
internal sealed class FloorLoad(int port, PeerLoad load) : ILoad
{
    /// <summary>A REQUEST of MCP/1 with an indexed operation and the 128-byte body as a message.</summary>
    public const int FrameBytes = 16 + 3 + 3 + Payload.BodyBytes;

    private readonly List<Socket> _sockets = [];

    public async Task PrepareAsync(double seconds)
    {
        for (var i = 0; i < load.Connections; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, port);
            _sockets.Add(socket);
        }
        await RunAsync(seconds);
    }

    public async Task<PeerAnswer> RunAsync(double seconds)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(seconds * Stopwatch.Frequency);
        var counts = await Task.WhenAll(_sockets.Select(s => Task.Factory.StartNew(
            () => Call(s, load.InFlight, end), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        return new PeerAnswer { Operations = counts.Sum(), Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds };
    }

    public ValueTask DisposeAsync()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        return default;
    }

    private static long Call(Socket socket, int inFlight, long end)
    {
        var requests = new byte[inFlight * FrameBytes];
        var answers = new byte[inFlight * FrameBytes];
        socket.Send(requests);
        var (count, filled, open) = (0L, 0, inFlight);
        while (open > 0)
        {
            var read = socket.Receive(answers, filled, answers.Length - filled, SocketFlags.None);
            if (read == 0)
                throw new IOException("the server has closed the connection");
            filled += read;
            var done = filled / FrameBytes;
            filled %= FrameBytes;
            count += done;
            if (Stopwatch.GetTimestamp() >= end)
                open -= done;
            else if (done > 0)
                socket.Send(requests.AsSpan(0, done * FrameBytes));
        }

        return count;
    }
}
