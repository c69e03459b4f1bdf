using System.Buffers;
using System.Globalization;
using System.Text;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Http1;

/// <summary>Writes requests to one node. Thread-safe.</summary>
internal sealed class Http1RequestWriter
{
    private readonly byte[] _host;
    private readonly string _prefix;

    /// <exception cref="ArgumentException">The key has a character that a header cannot have.</exception>
    public Http1RequestWriter(Http1Options options)
    {
        if (options.ApiKey is { } given && given.Any(c => c is <= ' ' or >= '\u007f'))
            throw new ArgumentException($"the key of node '{options.Name}' must be of visible ASCII characters", nameof(options));
        var isUsual = options.Port == (options.Tls ? 443 : 80);
        var host = isUsual ? options.Authority[..options.Authority.LastIndexOf(':')] : options.Authority;
        var key = options.ApiKey is null ? "" : $"Authorization: Bearer {options.ApiKey}\r\n";
        _host = Encoding.Latin1.GetBytes($" HTTP/1.1\r\nHost: {host}\r\n{key}");
        _prefix = options.PathPrefix;
    }

    /// <summary>Writes the head and, where it is at hand, the body.</summary>
    /// <param name="request">What to ask.</param>
    /// <param name="upload">The body where it is not at hand; null for <see cref="PassageRequest.Body"/>.</param>
    /// <param name="bytes">Where they are.</param>
    /// <returns>A buffer, to be given back to the shared pool.</returns>
    /// <exception cref="InvalidRequestException">A text would end its line, and so smuggle in another request.</exception>
    public byte[] Write(PassageRequest request, UploadContent? upload, out int bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(SizeOf(request));
        var at = 0;
        Put(request.Method);
        buffer[at++] = (byte)' ';
        Put(_prefix);
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
        if (upload is { Length: null })
        {
            Put("Transfer-Encoding: chunked\r\n");
        }
        else if (upload is not null || !request.Body.IsEmpty || request.Method is not ("GET" or "HEAD" or "DELETE"))
        {
            Put("Content-Length: ");
            (upload?.Length ?? request.Body.Length).TryFormat(buffer.AsSpan(at), out var digits, default, CultureInfo.InvariantCulture);
            at += digits;
            Put("\r\n");
        }
        Put("\r\n");
        if (upload is null)
        {
            request.Body.CopyTo(buffer.AsMemory(at));
            at += request.Body.Length;
        }
        bytes = at;
        return buffer;

        void Put(string text) => at += Encoding.Latin1.GetBytes(text, buffer.AsSpan(at));
    }

    private int SizeOf(PassageRequest request)
    {
        Check("the method", request.Method, ' ');
        Check("the path", request.Path, ' ');
        foreach (var (name, value) in request.Headers)
        {
            Check("the name of a header", name, ':');
            Check("a header", value, '\r');
        }
        var size = request.Method.Length + _prefix.Length + request.Path.Length + _host.Length + 64 + request.Body.Length;
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
}
