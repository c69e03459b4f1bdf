using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>
/// Answers as an Ollama node, or a server with OpenAI's API, would: made answers over bare sockets, a thread a connection, so that it takes as little of the machine as it can.
/// A streamed answer has a chunk and a packet for each token.
/// </summary>
internal sealed class NodeServer : IServerPeer
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly NodePace _pace = new();

    private static readonly byte[] _version = Whole("200 OK", NodeAnswers.Version);
    private static readonly byte[] _tags = Whole("200 OK", NodeAnswers.Tags);
    private static readonly byte[] _resident = Whole("200 OK", NodeAnswers.Resident);
    private static readonly byte[] _show = Whole("200 OK", NodeAnswers.Show);
    private static readonly byte[] _notFound = Whole("404 Not Found", NodeAnswers.NotFound);
    private static readonly byte[] _ollama = Whole("200 OK", NodeAnswers.OllamaAnswer);
    private static readonly byte[] _openAi = Whole("200 OK", NodeAnswers.OpenAiAnswer);
    private static readonly byte[][] _ollamaChunks = Chunks("application/x-ndjson", NodeAnswers.OllamaLines);
    private static readonly byte[][] _openAiChunks = Chunks("text/event-stream", NodeAnswers.OpenAiEvents);

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
            new Thread(() => Serve(socket), 128 << 10) { IsBackground = true }.Start();
        }
    }

    private void Serve(Socket socket)
    {
        Sockets.Add(socket);
        try
        {
            using var reader = new NodeRequestReader(socket);
            while (reader.Read() is { } request)
                Answer(socket, request);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side has gone; so does its thread.
            return;
        }
        finally
        {
            Sockets.Remove(socket);
            socket.Dispose();
        }
    }

    private void Answer(Socket socket, NodeRequest request)
    {
        switch (request.Path)
        {
            case "/api/chat" when request.Stream ?? true:
                Stream(socket, _ollamaChunks);
                break;
            case "/v1/chat/completions" when request.Stream ?? false:
                Stream(socket, _openAiChunks);
                break;
            default:
                socket.Send(request.Path switch
                {
                    "/api/chat" => _ollama,
                    "/v1/chat/completions" => _openAi,
                    "/api/version" => _version,
                    "/api/tags" => _tags,
                    "/api/ps" => _resident,
                    "/api/show" => _show,
                    _ => _notFound,
                });
                break;
        }
    }

    private void Stream(Socket socket, byte[][] chunks)
    {
        using var answer = new Streamed(socket, chunks);
        _pace.Add(answer);
        answer.Wait();
    }

    private static byte[] Whole(string status, byte[] body) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nDate: Mon, 05 Jan 2026 09:30:00 GMT\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];

    /// <summary>The head, then a chunk for each part; the end of the answer goes with the last.</summary>
    private static byte[][] Chunks(string type, byte[][] parts)
    {
        var chunks = parts.Select(part => (byte[])[.. Encoding.ASCII.GetBytes($"{part.Length:x}\r\n"), .. part, .. "\r\n"u8]).ToArray();
        chunks[^1] = [.. chunks[^1], .. "0\r\n\r\n"u8];
        return [Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nDate: Mon, 05 Jan 2026 09:30:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"), .. chunks];
    }

    private sealed class Streamed(Socket socket, byte[][] chunks) : IPaced, IDisposable
    {
        private readonly ManualResetEventSlim _done = new(false, 0);
        private int _next;

        public bool Tick()
        {
            try
            {
                socket.Send(chunks[_next++]);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The connection's own thread learns of it when it reads.
                _next = chunks.Length;
            }
            var more = _next < chunks.Length;
            if (!more)
                _done.Set();
            return more;
        }

        /// <summary>Blocks: each connection has a thread of its own, which has nothing else to do.</summary>
        public void Wait() => _done.Wait();

        public void Dispose() => _done.Dispose();
    }
}
