using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;

namespace Chasqui.Engines.Http1;

/// <summary>
/// Passes requests on to a node over HTTP/1.1. Own code, not <c>HttpClient</c>: an answer's bytes are handed over in the buffer that the socket filled, and a
/// request costs one call of the kernel to send and one to receive. Thread-safe.
/// </summary>
public sealed class Http1Passage : IHttpPassage, IAsyncDisposable
{
    private readonly Http1Pool _pool;
    private readonly byte[] _host;

    /// <summary>Makes a passage; nothing is connected yet.</summary>
    public Http1Passage(Http1Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _pool = new Http1Pool(options);
        var port = options.Port == (options.Tls ? 443 : 80) ? "" : options.Port.ToString(CultureInfo.InvariantCulture).Insert(0, ":");
        var host = options.Host.Contains(':', StringComparison.Ordinal) ? $"[{options.Host}]" : options.Host;
        var key = options.ApiKey is null ? "" : $"Authorization: Bearer {options.ApiKey}\r\n";
        _host = Encoding.Latin1.GetBytes($" HTTP/1.1\r\nHost: {host}{port}\r\n{key}");
        Prefix = options.PathPrefix;
    }

    private string Prefix { get; }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            var reused = _pool.TryTake();
            var connection = reused ?? await _pool.DialAsync(cancellationToken).ConfigureAwait(false);
            // Cheaper than a token for each read: whoever cancels closes the socket, and the node notices at once.
            var abort = cancellationToken.UnsafeRegister(static c => ((Http1Connection)c!).Abort(), connection);
            try
            {
                if (await ExchangeAsync(connection, request).ConfigureAwait(false) is { } head)
                    return new Http1Answer(_pool, connection, head, abort, cancellationToken);
                if (reused is null)
                    throw new EngineFailedException($"{_pool.Name} closed the connection without an answer");
            }
            catch (Exception e)
            {
                await abort.DisposeAsync().ConfigureAwait(false);
                connection.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                if (e is FormatException)
                    throw new EngineFailedException($"{_pool.Name} answered with something that is no HTTP: {e.Message}", e);
                if (e is not (SocketException or IOException or ObjectDisposedException))
                    throw;
                if (reused is null)
                    throw new EngineFailedException($"the connection to {_pool.Name} broke before its answer: {e.Message}", e);
                continue;
            }
            // A connection that had rested was closed by the other side as the request went out: it gets a new one.
            await abort.DisposeAsync().ConfigureAwait(false);
            connection.Dispose();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _pool.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <returns>Null when the connection ended before the first byte.</returns>
    private async ValueTask<Http1Head?> ExchangeAsync(Http1Connection connection, PassageRequest request)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(SizeOf(request));
        try
        {
            await connection.SendAsync(buffer.AsMemory(0, Write(request, buffer))).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        while (true)
        {
            var end = Http1Head.End(connection.Unread.Span);
            if (end > 0)
            {
                var head = Http1Head.Parse(connection.Unread.Span[..end], request.Method == "HEAD");
                connection.Take(end);
                // 100 and its like come before the answer.
                if (head.Status >= 200)
                    return head;
                continue;
            }
            if (connection.Unread.Length > Http1Head.MaxBytes)
                throw new FormatException($"its head is longer than {Http1Head.MaxBytes} bytes");
            if (await connection.ReceiveAsync().ConfigureAwait(false))
                continue;
            return connection.Unread.IsEmpty ? null : throw new FormatException("it ends within its head");
        }
    }

    /// <exception cref="InvalidRequestException">A text would end its line, and so smuggle in another request.</exception>
    private int SizeOf(PassageRequest request)
    {
        Check("the method", request.Method, ' ');
        Check("the path", request.Path, ' ');
        foreach (var (name, value) in request.Headers)
        {
            Check("the name of a header", name, ':');
            Check("a header", value, '\r');
        }
        var size = request.Method.Length + Prefix.Length + request.Path.Length + _host.Length + 64 + request.Body.Length;
        foreach (var (name, value) in request.Headers)
            size += name.Length + value.Length + 4;
        return size;
    }

    private static void Check(string what, string text, char forbidden)
    {
        foreach (var c in text)
        {
            if (c is < ' ' and not '\t' or > '\u00ff' or '\u007f' || c == forbidden || (c == '\t' && forbidden != '\r'))
                throw new InvalidRequestException($"{what} has a character that HTTP does not allow there");
        }
    }

    private int Write(PassageRequest request, byte[] buffer)
    {
        var at = 0;
        Put(request.Method);
        buffer[at++] = (byte)' ';
        Put(Prefix);
        Put(request.Path);
        _host.CopyTo(buffer.AsSpan(at));
        at += _host.Length;
        foreach (var (name, value) in request.Headers)
        {
            Put(name);
            Put(": ");
            Put(value);
            Put("\r\n");
        }
        if (!request.Body.IsEmpty || request.Method is not ("GET" or "HEAD" or "DELETE"))
        {
            Put("Content-Length: ");
            request.Body.Length.TryFormat(buffer.AsSpan(at), out var digits, default, CultureInfo.InvariantCulture);
            at += digits;
            Put("\r\n");
        }
        Put("\r\n");
        request.Body.CopyTo(buffer.AsMemory(at));
        return at + request.Body.Length;

        void Put(string text) => at += Encoding.Latin1.GetBytes(text, buffer.AsSpan(at));
    }
}
