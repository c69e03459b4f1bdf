using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Chasqui.Server.Tests;

/// <summary>HTTP/1.1 spoken by hand over a socket, for what a client library would not send or would hide.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private RawHttp() { }

    public Socket Socket => _client.Client;

    public static async Task<RawHttp> ConnectAsync(Uri address)
    {
        var connection = new RawHttp();
        await connection._client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        return connection;
    }

    public void Dispose() => _client.Dispose();

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public Task SendAsync(ReadOnlyMemory<byte> bytes) =>
        _client.GetStream().WriteAsync(bytes, TestContext.Current.CancellationToken).AsTask();

    /// <summary>Sends a whole POST with its length.</summary>
    public async Task PostAsync(string path, byte[] body)
    {
        await SendAsync($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {body.Length}\r\n\r\n");
        await SendAsync(body);
    }

    /// <summary>Reads the status line and the headers.</summary>
    public async Task<(int Status, Dictionary<string, string> Headers)> ReadHeadAsync()
    {
        var status = int.Parse((await ReadLineAsync()).Split(' ')[1], CultureInfo.InvariantCulture);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await ReadLineAsync() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }
        return (status, headers);
    }

    /// <summary>Reads a body of a known length.</summary>
    public async Task<string> ReadAsync(int length)
    {
        var bytes = new byte[length];
        for (var filled = 0; filled < length;)
        {
            if (!await FillAsync())
                throw new EndOfStreamException();
            var taken = Math.Min(length - filled, _end - _start);
            _buffer.AsSpan(_start, taken).CopyTo(bytes.AsSpan(filled));
            _start += taken;
            filled += taken;
        }
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Reads one chunk of a chunked body; empty at the end.</summary>
    public async Task<string> ReadChunkAsync()
    {
        var length = int.Parse(await ReadLineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var chunk = await ReadAsync(length);
        await ReadLineAsync();
        return chunk;
    }

    /// <summary>Reads a line; empty at the end of the connection.</summary>
    public async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (await ReadByteAsync() is { } b && b != '\n')
            line.Append((char)b);
        return line.ToString().TrimEnd('\r');
    }

    private async ValueTask<byte?> ReadByteAsync() => await FillAsync() ? _buffer[_start++] : null;

    private async ValueTask<bool> FillAsync()
    {
        if (_start < _end)
            return true;
        _start = 0;
        _end = await _client.GetStream().ReadAsync(_buffer, TestContext.Current.CancellationToken);
        return _end > 0;
    }
}
