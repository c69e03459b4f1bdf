namespace Chasqui;

/// <summary>Takes requests of MCP to a node as they are, and brings back its messages unread. Thread-safe.</summary>
public interface IMessagePassage
{
    /// <summary>Sends a request.</summary>
    /// <param name="operation">The operation, e.g. <c>chat</c>.</param>
    /// <param name="request">Its one message; must not change before this completes.</param>
    /// <param name="cancellationToken">Gives up, also while the answer is read.</param>
    /// <returns>The answer once its head has come; to be disposed, which gives up what has not been read.</returns>
    /// <exception cref="EngineException">The node answered with an error, or could not be reached (<see cref="EngineUnavailableException"/>: it was certainly not processed).</exception>
    ValueTask<IMessageAnswer> SendAsync(string operation, ReadOnlyMemory<byte> request, CancellationToken cancellationToken);
}

/// <summary>The messages of an answer. For one reader.</summary>
public interface IMessageAnswer : IAsyncDisposable
{
    /// <summary>The next message, valid until the next call; null at the end.</summary>
    /// <exception cref="EngineFailedException">The node broke the answer off.</exception>
    ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken);
}
