namespace Chasqui;

/// <summary>A request may not wait for a free slot, or has waited for as long as it may.</summary>
public sealed class QueueRefusedException(string message) : EngineException(message)
{
    /// <summary>When it is worth trying again.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The place in line that it had or would have had, from 1.</summary>
    public int Position { get; init; }

    /// <summary>How long it would have waited there, as expected.</summary>
    public TimeSpan ExpectedWait { get; init; }

    /// <summary>Whether it is this caller who has too many in line, rather than all together.</summary>
    public bool IsCallers { get; init; }
}
