namespace Chasqui;

/// <summary>Takes requests of an HTTP API to a node as they are, and brings back its answers byte for byte. Thread-safe.</summary>
public interface IHttpPassage
{
    /// <summary>Sends a request.</summary>
    /// <returns>The answer once its head has come, whatever its status; to be disposed, which gives up what has not been read.</returns>
    /// <exception cref="EngineUnavailableException">The node could not be reached: the request was certainly not processed.</exception>
    /// <exception cref="EngineFailedException">The connection broke, or what came is no HTTP.</exception>
    ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken);
}

/// <summary>A request to pass on.</summary>
public sealed class PassageRequest
{
    /// <summary>The method, e.g. <c>POST</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Path and query, as they were asked for.</summary>
    public required string Path { get; init; }

    /// <summary>The body; must not change before the answer is disposed.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Headers to pass on. What concerns the connection, the host and the length is the passage's own.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
}

/// <summary>The answer of a node. For one reader.</summary>
public interface IPassageAnswer : IAsyncDisposable
{
    /// <summary>The status, a code of HTTP.</summary>
    int Status { get; }

    /// <summary>The length of the body where it was announced; null for a stream.</summary>
    long? ContentLength { get; }

    /// <summary>Headers, without those of the connection and of the length.</summary>
    IReadOnlyList<KeyValuePair<string, string>> Headers { get; }

    /// <summary>The next bytes of the body as soon as there are any, valid until the next call; empty at the end.</summary>
    /// <exception cref="EngineFailedException">The node broke the answer off.</exception>
    ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Says that the answer is not what it should be, however well it was framed: the connection that it came on serves no other request.</summary>
    void Distrust()
    {
    }
}
