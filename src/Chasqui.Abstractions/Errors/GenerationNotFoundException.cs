namespace Chasqui;

/// <summary>There is no such generation, for whoever asks: it never was, was ended, is kept no longer, or has become too long to be kept.</summary>
/// <param name="id">The id that was asked for.</param>
/// <param name="reason">What more is known; null for nothing.</param>
public sealed class GenerationNotFoundException(string id, string? reason = null) : EngineException(
    $"generation \"{id}\" not found; {reason ?? "it is kept for a while after its end, and only when its request asked for that"}")
{
    /// <summary>The id that was asked for.</summary>
    public string Id { get; } = id;
}
