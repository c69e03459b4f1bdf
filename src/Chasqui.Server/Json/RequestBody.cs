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
    // From here on it begins with an array of the body's length, which dense values make it double.
    private const int PoolKeeps = 4 << 20;

    private readonly PooledBody? _owned;
    private readonly JsonDocument _document;
    private readonly int _length;

    private RequestBody(PooledBody? owned, JsonDocument document, int length)
    {
        _length = length;
        _owned = owned;
        _document = document;
    }

    /// <summary>The value; valid until the body is disposed.</summary>
    public JsonElement Root => _document.RootElement;

    public void Dispose()
    {
        _document.Dispose();
        _owned?.Dispose();
        // What a document of that size was read into has as many bytes as the body, and was given to the shared pool by this thread just now. It is taken out again,
        // and is garbage then: the pool would keep it for minutes, for each thread.
        if (_length > PoolKeeps)
            ArrayPool<byte>.Shared.Rent(_length);
    }

    /// <summary>Reads the whole body and parses its first JSON value.</summary>
    /// <exception cref="RequestTooLargeException">It is larger than <paramref name="limit"/>.</exception>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext http, long limit, BodyRules rules, CancellationToken cancellationToken)
    {
        var body = await PooledBody.ReadAsync(http, limit, rules, cancellationToken).ConfigureAwait(false);
        try
        {
            await rules.ReadsAsync(RequestState.Of(http), body.Memory.Length, cancellationToken).ConfigureAwait(false);
            return new RequestBody(body, RequestJson.Parse(body.Memory), body.Memory.Length);
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Parses a body that was read before and stays with its owner.</summary>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static RequestBody Of(Memory<byte> bytes) => new(null, RequestJson.Parse(bytes), bytes.Length);
}
