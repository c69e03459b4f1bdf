using System.Net;
using System.Net.Sockets;
using Chasqui.Bench.Peers.Loads;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>Keeps HTTP/1.1 connections open after one request each, as a client's pool does.</summary>
internal sealed class HttpDialer(int port) : IIdleDialer
{
    private static readonly byte[] _request =
        [.. "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"data\":\"\"}"u8];

    public async Task<IAsyncDisposable> DialAsync(IPAddress from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await socket.SendAsync(_request);
        var answer = new byte[1024];
        if (await socket.ReceiveAsync(answer) == 0)
            throw new IOException("the server has closed the connection");
        return new NetworkStream(socket, ownsSocket: true);
    }
}
