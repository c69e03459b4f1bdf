using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Chasqui.Bench.Peers.Loads;
using Chasqui.Bench.Peers.Servers;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>One kept connection of HTTP/1.1 that chats, on a blocking socket: the client must cost less than who is measured. For one thread.</summary>
internal sealed class NodeConversation : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[32 << 10];
    private int _used;
    private int _filled;

    public NodeConversation(int port) => _socket.Connect(IPAddress.Loopback, port);

    /// <summary>The messages of the chat, which make a body of 1.3 KB.</summary>
    public static IReadOnlyList<(string Role, string Content)> Messages { get; } =
    [
        ("system", "You are a guide to the history of the Andes. Answer in one paragraph, plainly, and say so where nothing is known for certain. Never invent names, dates or sources."),
        ("user", "Who were the chasquis, and how were they chosen for their work? I am writing a short text for a museum."),
        ("assistant", NodeAnswers.Text),
        ("user", "How far apart were the posts, and what did a runner carry with him? Please keep to what the chronicles say, since visitors ask for it."),
        ("assistant", "The chronicles speak of posts a league or less apart, each with two huts in which runners waited and watched the road. A runner carried a shell trumpet to announce himself, a sling and a club, and a "
            + "knotted cord or a small load for the court."),
        ("user", "And how fast did a message go from Cusco to Quito? Give the number of days and the reasoning in two sentences."),
    ];

    // After the messages, of which they are made.
    private static readonly byte[] _whole = Request(stream: false);
    private static readonly byte[] _streamed = Request(stream: true);

    /// <summary>Asks for a whole answer and takes it.</summary>
    public void Call()
    {
        _socket.Send(_whole);
        var (length, _) = ReadHead();
        if (length is { } bytes)
        {
            Skip(bytes);
            return;
        }
        var body = 0;
        while (ReadChunk() is > 0 and var chunk)
        {
            body += chunk;
            Skip(chunk + 2);
        }
        Skip(2);
        if (body < NodeAnswers.Text.Length)
            throw new InvalidDataException("the answer is shorter than its text");
    }

    /// <summary>Asks for a streamed answer and counts its lines as they come, but for the last, which has no token.</summary>
    public void Stream(TokenCounter counter)
    {
        _socket.Send(_streamed);
        if (ReadHead() is not (null, true))
            throw new InvalidDataException("a stream was asked for, but the answer came in one piece");
        var lines = 0;
        while (ReadChunk() is > 0 and var chunk)
        {
            for (var left = chunk; left > 0;)
            {
                if (_used == _filled)
                    Fill();
                var part = Math.Min(left, _filled - _used);
                for (var count = _buffer.AsSpan(_used, part).Count((byte)'\n'); count > 0; count--)
                {
                    if (++lines <= NodeAnswers.Tokens)
                        counter.Add("token");
                }
                _used += part;
                left -= part;
            }
            Skip(2);
        }
        Skip(2);
        if (lines != NodeAnswers.Tokens + 1)
            throw new InvalidDataException($"{lines} lines came instead of {NodeAnswers.Tokens + 1}");
    }

    public void Dispose() => _socket.Dispose();

    private (int? Length, bool Chunked) ReadHead()
    {
        int end;
        while ((end = _buffer.AsSpan(_used, _filled - _used).IndexOf("\r\n\r\n"u8)) < 0)
            Fill();
        var head = _buffer.AsSpan(_used, end + 2);
        if (!head.StartsWith("HTTP/1.1 200"u8))
            throw new InvalidDataException($"the answer begins with {Encoding.ASCII.GetString(head[..head.IndexOf((byte)'\r')])}");
        int? length = null;
        var chunked = false;
        for (var line = 0; line < head.Length;)
        {
            var next = line + head[line..].IndexOf("\r\n"u8) + 2;
            var field = head[line..next];
            if (Is(field, "content-length:"u8))
                length = int.Parse(field[15..].Trim(" \r\n"u8), CultureInfo.InvariantCulture);
            else if (Is(field, "transfer-encoding:"u8))
                chunked = true;
            line = next;
        }
        _used += end + 4;
        return (length, chunked);
    }

    private static bool Is(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name) => field.Length > name.Length && Ascii.EqualsIgnoreCase(field[..name.Length], name);

    private int ReadChunk()
    {
        int end;
        while ((end = _buffer.AsSpan(_used, _filled - _used).IndexOf("\r\n"u8)) < 0)
            Fill();
        var size = int.Parse(_buffer.AsSpan(_used, end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _used += end + 2;
        return size;
    }

    private void Skip(int bytes)
    {
        while (bytes > 0)
        {
            if (_used == _filled)
                Fill();
            var part = Math.Min(bytes, _filled - _used);
            _used += part;
            bytes -= part;
        }
    }

    private void Fill()
    {
        if (_used > 0)
        {
            _buffer.AsSpan(_used, _filled - _used).CopyTo(_buffer);
            (_used, _filled) = (0, _filled - _used);
        }
        var read = _socket.Receive(_buffer, _filled, _buffer.Length - _filled, SocketFlags.None);
        if (read == 0)
            throw new IOException(_filled == _buffer.Length ? "the head of an answer is too long" : "the connection was closed in an answer");
        _filled += read;
    }

    private static byte[] Request(bool stream)
    {
        var messages = string.Join(',', Messages.Select(m => $$"""{"role":"{{m.Role}}","content":"{{m.Content}}"}"""));
        var body = Encoding.UTF8.GetBytes($$"""{"model":"{{NodeAnswers.Model}}","messages":[{{messages}}],"stream":{{(stream ? "true" : "false")}},"options":{"temperature":0.7,"seed":417} }""");
        var head = $"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: ollama-js/0.6.0\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }
}
