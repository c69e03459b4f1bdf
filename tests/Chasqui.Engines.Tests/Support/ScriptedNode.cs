using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Chasqui.Engines.Tests;

/// <summary>A node that answers what a test tells it to, byte by byte over a real socket: for what no real server does on demand.</summary>
internal sealed class ScriptedNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Func<Exchange, Task> _script;
    private readonly Task _accepting;
    private int _accepted;

    /// <param name="script">Answers one request; when it returns, the connection waits for the next one, unless it was closed.</param>
    public ScriptedNode(Func<Exchange, Task> script)
    {
        _script = script;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Connections that came.</summary>
    public int Connections => Volatile.Read(ref _accepted);

    /// <summary>The requests that came, in their order.</summary>
    public ConcurrentQueue<Request> Requests { get; } = new();

    /// <summary>A node that gives the same whole answer to everything.</summary>
    public static ScriptedNode Answering(string body, int status = 200, string type = "application/json", params string[] headers) =>
        new(exchange => exchange.AnswerAsync(body, status, type, headers));

    /// <summary>Refuses new connections; those that are open stay.</summary>
    public void StopListening() => _listener.Stop();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                // Counted before it is served: serving may answer, and a test go on, before it returns here.
                _connections.Add(ServeAsync(socket, Interlocked.Increment(ref _accepted)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
        }
    }

    private async Task ServeAsync(Socket socket, int number)
    {
        using (socket)
        {
            try
            {
                using var stream = new NetworkStream(socket);
                while (await ReadRequestAsync(stream, _stop.Token) is { } request)
                {
                    Requests.Enqueue(request);
                    await _script(new Exchange(request, number, socket, stream, _stop.Token));
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private static async Task<Request?> ReadRequestAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!Ends(head))
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0)
                return null;
            head.Add(one[0]);
        }
        var lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(h => h[0], h => h[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, cancellationToken);
        var words = lines[0].Split(' ');
        return new Request(words[0], words[1], headers, Encoding.UTF8.GetString(body));
    }

    private static bool Ends(List<byte> head) => head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n';

    internal sealed record Request(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);

    internal sealed class Exchange(Request request, int connection, Socket socket, NetworkStream stream, CancellationToken stop)
    {
        public Request Request => request;

        /// <summary>The connection's number, the first one 1.</summary>
        public int Connection => connection;

        /// <summary>The test is over.</summary>
        public CancellationToken Stop => stop;

        public Task SendAsync(string text) => stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop).AsTask();

        public Task SendAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes, stop).AsTask();

        public Task AnswerAsync(string body, int status = 200, string type = "application/json", params string[] headers) =>
            SendAsync($"HTTP/1.1 {status} Whatever\r\nContent-Type: {type}\r\n{string.Concat(headers.Select(h => h + "\r\n"))}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");

        /// <summary>Begins an answer whose length is not known.</summary>
        public Task BeginAsync(string type) => SendAsync($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nTransfer-Encoding: chunked\r\n\r\n");

        public Task ChunkAsync(string text) => SendAsync($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");

        public Task EndAsync() => SendAsync("0\r\n\r\n");

        /// <summary>Ends the connection in order, after what was sent.</summary>
        public void Close() => socket.Close();

        /// <summary>Cuts the connection.</summary>
        public void Cut()
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }

        /// <summary>Waits until the other side has gone.</summary>
        public async Task<bool> UntilGoneAsync()
        {
            try
            {
                return await stream.ReadAsync(new byte[1], stop) == 0;
            }
            catch (IOException)
            {
                return true;
            }
        }
    }
}
