namespace Chasqui.Transport;

/// <summary>
/// Bounds the bytes of messages that are held for a peer while they come in parts, or wait to be read. Called under a connection's lock, so it must be quick and take no lock that
/// others hold while they call a connection. Thread-safe.
/// </summary>
public interface IMessageBudget
{
    /// <summary>How long a message may wait for room, while its stream gets no credit, before its reader is told of <see cref="Refusal"/>.</summary>
    TimeSpan Patience { get; }

    /// <summary>Takes bytes, if there is room.</summary>
    bool TryTake(long bytes);

    /// <summary>Takes bytes that have come already, which credit bounds.</summary>
    void Take(long bytes);

    /// <summary>Gives bytes back.</summary>
    void Return(long bytes);

    /// <summary>What the reader of a message is told for which there was no room.</summary>
    Exception Refusal();
}
