using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body is larger than the gateway takes.</summary>
internal sealed class RequestTooLargeException(long limit)
    : InvalidRequestException(FormattableString.Invariant($"the request body is larger than {limit} bytes (Http:MaxRequestBodyBytes)"));

/// <summary>A request's JSON, with the buffer it points into.</summary>
internal sealed class RequestBody : IDisposable
{
    private readonly byte[] _buffer;
    private readonly JsonDocument _document;

    private RequestBody(byte[] buffer, JsonDocument document)
    {
        _buffer = buffer;
        _document = document;
    }

    /// <summary>The value; valid until the body is disposed.</summary>
    public JsonElement Root => _document.RootElement;

    public void Dispose()
    {
        _document.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    /// <summary>Reads the whole body, whatever its content type, and parses its first JSON value.</summary>
    /// <exception cref="RequestTooLargeException">It is larger than <paramref name="limit"/>; when its length is announced, nothing of it was read.</exception>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, long limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit)
            throw new RequestTooLargeException(limit);

        var reader = request.BodyReader;
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(request.ContentLength ?? 4096, 1 << 20) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (length + read.Buffer.Length > limit)
                    throw new RequestTooLargeException(limit);
                buffer = Grow(buffer, length, (int)read.Buffer.Length);
                read.Buffer.CopyTo(buffer.AsSpan(length));
                length += (int)read.Buffer.Length;
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
            return new RequestBody(buffer, RequestJson.Parse(buffer.AsMemory(0, length)));
        }
        catch (Exception e)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            // A chunk whose length is no length, for one: Kestrel tells it as a failure of the connection.
            if (e is IOException and not BadHttpRequestException && !cancellationToken.IsCancellationRequested)
                throw new InvalidRequestException("the request body cannot be read: its chunks or its length are not in order", e);
            throw;
        }
    }

    private static byte[] Grow(byte[] buffer, int length, int more)
    {
        if (buffer.Length - length >= more)
            return buffer;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(length + more), (int)Math.Min(buffer.Length * 2L, Array.MaxLength)));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
