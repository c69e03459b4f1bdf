using System.Buffers;
using System.Text.Json;

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

    /// <summary>Parses a body.</summary>
    /// <param name="bytes">The body.</param>
    /// <param name="owned">Its owner, which is disposed of with it; null where another owner disposes of it.</param>
    /// <exception cref="InvalidRequestException">It is empty or no JSON.</exception>
    public static RequestBody Of(Memory<byte> bytes, PooledBody? owned) => new(owned, RequestJson.Parse(bytes), bytes.Length);
}
