using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body is larger than the gateway takes.</summary>
internal sealed class RequestTooLargeException(long limit)
    : InvalidRequestException(FormattableString.Invariant($"the request body is larger than {limit} bytes (Http:MaxRequestBodyBytes)"));

/// <summary>A request's JSON, with the buffer it points into.</summary>
internal sealed class RequestBody : IDisposable
{
    private readonly PooledBody? _owned;
    private readonly JsonDocument _document;

    private RequestBody(PooledBody? owned, JsonDocument document)
    {
        _owned = owned;
        _document = document;
    }

    /// <summary>The value; valid until the body is disposed.</summary>
    public JsonElement Root => _document.RootElement;

    public void Dispose()
    {
        _document.Dispose();
        _owned?.Dispose();
    }

    /// <summary>Reads the whole body and parses its first JSON value.</summary>
    /// <exception cref="RequestTooLargeException">It is larger than <paramref name="limit"/>.</exception>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext http, long limit, BodyRules rules, CancellationToken cancellationToken)
    {
        var body = await PooledBody.ReadAsync(http, limit, rules, cancellationToken).ConfigureAwait(false);
        try
        {
            return new RequestBody(body, RequestJson.Parse(body.Memory));
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Parses a body that was read before and stays with its owner.</summary>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static RequestBody Of(Memory<byte> bytes) => new(null, RequestJson.Parse(bytes));
}
