using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Chasqui.Cli.Tests;

/// <summary>Answers every connection with the same bytes and closes it: for what a gateway never says.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public RawServer(string answer)
    {
        _listener.Start();
        Address = new Uri($"http://{_listener.LocalEndpoint}/");
        _loop = ServeAsync(Encoding.UTF8.GetBytes(answer));
    }

    public Uri Address { get; }

    public static string Chunked(string body, bool whole) =>
        $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{Encoding.UTF8.GetByteCount(body):x}\r\n{body}\r\n{(whole ? "0\r\n\r\n" : "")}";

    public static string Sized(string status, string body) =>
        $"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(byte[] answer)
    {
        try
        {
            while (true)
            {
                using var socket = await _listener.AcceptSocketAsync(_stop.Token);
                var buffer = new byte[64 * 1024];
                await socket.ReceiveAsync(buffer, _stop.Token);
                await socket.SendAsync(answer, _stop.Token);
                socket.Shutdown(SocketShutdown.Send);
                // Until the client has closed: closing first could reset what it has not read yet.
                while (await socket.ReceiveAsync(buffer, _stop.Token) > 0)
                {
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The test is over.
        }
    }
}
