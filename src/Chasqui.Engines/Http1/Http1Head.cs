using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Chasqui.Engines.Http1;

/// <summary>How the end of a body is known.</summary>
internal enum BodyFraming
{
    /// <summary>There is no body.</summary>
    None,

    /// <summary>By its announced length.</summary>
    Length,

    /// <summary>By an empty chunk.</summary>
    Chunked,

    /// <summary>By the end of the connection.</summary>
    Close,
}

/// <summary>The head of an answer (RFC 9112, sections 2 to 6). Parses without copying; pure.</summary>
internal sealed class Http1Head
{
    /// <summary>The longest head that is taken, in bytes.</summary>
    public const int MaxBytes = 32 * 1024;

    private const int MaxFields = 100;

    // RFC 9110, 5.6.2.
    private static readonly SearchValues<byte> _nameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> _controls = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Where(b => b != '\t').Select(b => (byte)b), 127]);

    private readonly List<KeyValuePair<string, string>> _headers = new(4);
    private List<string>? _ofConnection;
    private bool _closes;

    public int Status { get; private set; }

    public BodyFraming Framing { get; private set; }

    public long Length { get; private set; }

    /// <summary>Whether the connection can be used again after the body.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>Without those of the connection and of the length.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers => _headers;

    /// <summary>Where the head ends, behind its empty line; 0 when it is not whole.</summary>
    public static int End(ReadOnlySpan<byte> bytes)
    {
        var at = bytes.IndexOf("\r\n\r\n"u8);
        return at < 0 ? 0 : at + 4;
    }

    /// <summary>Reads a whole head.</summary>
    /// <param name="head">From the status line to the empty line.</param>
    /// <param name="toHead">Whether the request was a HEAD, whose answer has no body.</param>
    /// <exception cref="FormatException">It is none; the message says what is wrong.</exception>
    public static Http1Head Parse(ReadOnlySpan<byte> head, bool toHead)
    {
        var read = new Http1Head();
        var end = head.IndexOf("\r\n"u8);
        read.StatusLine(head[..end]);
        head = head[(end + 2)..];
        var length = -1L;
        var chunked = false;
        for (var fields = 0; !head.StartsWith("\r\n"u8); fields++)
        {
            if (fields == MaxFields)
                throw new FormatException($"more than {MaxFields} headers");
            end = head.IndexOf("\r\n"u8);
            read.Field(head[..end], ref length, ref chunked);
            head = head[(end + 2)..];
        }
        // RFC 9112, 6.3: what a body is not, then chunks, then the length, then the end of the connection.
        read.Framing = toHead || read.Status is < 200 or 204 or 304 ? BodyFraming.None
            : chunked ? BodyFraming.Chunked
            : length > 0 ? BodyFraming.Length
            : length == 0 ? BodyFraming.None : BodyFraming.Close;
        read.Length = chunked ? -1 : length;
        if (read._ofConnection is { } own)
            read._headers.RemoveAll(header => own.Contains(header.Key, StringComparer.OrdinalIgnoreCase));
        // RFC 9112, 6.1: with both, what is between may have seen another end of the body. Where there should be no body, or where the node is in trouble, some nodes send one all the same, a
        // second answer, or the answer to what they had not read yet; its bytes may come when the connection serves another request already, and would be taken for the answer to that one.
        read.KeepsAlive &= !read._closes && read.Framing != BodyFraming.Close && !(chunked && length >= 0)
            && !toHead && read.Status is < 400 and not 204 and not 304;
        return read;
    }

    /// <summary>The connection is not used again.</summary>
    public void Ends() => KeepsAlive = false;

    private void StatusLine(ReadOnlySpan<byte> line)
    {
        // "HTTP/1.1 200 OK"
        if (!line.StartsWith("HTTP/1."u8) || line.Length < 12 || line[8] != ' ' || line[7] is not ((byte)'0' or (byte)'1')
            || !Utf8Parser.TryParse(line.Slice(9, 3), out int status, out var used) || used != 3 || status < 100 || (line.Length > 12 && line[12] != ' '))
            throw new FormatException("the first line is no status line of HTTP/1.1");
        Status = status;
        KeepsAlive = line[7] == '1';
    }

    private void Field(ReadOnlySpan<byte> line, ref long length, ref bool chunked)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(_nameBytes))
            throw new FormatException("a header has no name");
        var name = line[..colon];
        var value = line[(colon + 1)..].Trim(" \t"u8);
        if (value.ContainsAny(_controls))
            throw new FormatException("a header's value has a control character");
        if (Is(name, "content-length"u8))
        {
            if (!Utf8Parser.TryParse(value, out long told, out var used) || used != value.Length || told < 0 || (length >= 0 && length != told))
                throw new FormatException("its content-length is no length");
            length = told;
        }
        else if (Is(name, "transfer-encoding"u8))
        {
            if (!Is(value, "chunked"u8))
                throw new FormatException("its transfer-encoding is not \"chunked\"");
            chunked = true;
        }
        else if (Is(name, "connection"u8))
        {
            Connection(value);
        }
        else if (!Is(name, "date"u8) && !ConnectionHeaders.IsOne(name))
        {
            _headers.Add(new(Known(name), Known(value)));
        }
    }

    /// <summary>A list of what is agreed for this connection, and of headers that are for it alone (RFC 9110, section 7.6.1).</summary>
    private void Connection(ReadOnlySpan<byte> value)
    {
        foreach (var range in value.Split((byte)','))
        {
            var option = value[range].Trim(" \t"u8);
            if (Is(option, "close"u8))
                _closes = true;
            else if (Is(option, "keep-alive"u8))
                KeepsAlive = true;
            else if (!option.IsEmpty)
                (_ofConnection ??= []).Add(Encoding.Latin1.GetString(option));
        }
    }

    private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower) => Ascii.EqualsIgnoreCase(text, lower);

    /// <summary>The texts that every answer has are not made anew each time.</summary>
    private static string Known(ReadOnlySpan<byte> text) =>
        text.SequenceEqual("Content-Type"u8) ? "Content-Type"
        : text.SequenceEqual("application/x-ndjson"u8) ? "application/x-ndjson"
        : text.SequenceEqual("application/json"u8) ? "application/json"
        : text.SequenceEqual("application/json; charset=utf-8"u8) ? "application/json; charset=utf-8"
        : text.SequenceEqual("text/event-stream"u8) ? "text/event-stream"
        : Encoding.Latin1.GetString(text);
}
