using System.Net;
using System.Net.Sockets;
using Chasqui.Bench.Peers.Loads;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>The other side of <see cref="FloorLoad"/>: a thread for each connection sends back what it got, in whole frames.</summary>
internal sealed class FloorServer : IServerPeer
{
    private const int BufferFrames = 1024;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public SocketTable Sockets { get; } = new();

    public Task<int> StartAsync()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1024);
        new Thread(Accept) { IsBackground = true }.Start();
        return Task.FromResult(((IPEndPoint)_listener.LocalEndPoint!).Port);
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return default;
    }

    private void Accept()
    {
        while (true)
        {
            var socket = _listener.Accept();
            socket.NoDelay = true;
            new Thread(() => Serve(socket)) { IsBackground = true }.Start();
        }
    }

    private void Serve(Socket socket)
    {
        Sockets.Add(socket);
        try
        {
            var buffer = new byte[BufferFrames * FloorLoad.FrameBytes];
            for (var filled = 0; ;)
            {
                var read = socket.Receive(buffer, filled, buffer.Length - filled, SocketFlags.None);
                if (read == 0)
                    return;
                filled += read;
                var whole = filled / FloorLoad.FrameBytes * FloorLoad.FrameBytes;
                socket.Send(buffer.AsSpan(0, whole));
                buffer.AsSpan(whole, filled - whole).CopyTo(buffer);
                filled -= whole;
            }
        }
        catch (SocketException)
        {
            // The client has gone; so does its thread.
            return;
        }
        finally
        {
            Sockets.Remove(socket);
            socket.Dispose();
        }
    }
}
