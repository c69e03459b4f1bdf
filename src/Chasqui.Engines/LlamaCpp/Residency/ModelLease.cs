namespace Chasqui.Engines.LlamaCpp.Residency;

/// <summary>The right to use a loaded model until it is disposed. Dispose it once.</summary>
internal sealed class ModelLease(ModelResidency residency, ResidentEntry entry, LoadedModel model, TimeSpan loadDuration) : IDisposable
{
    private int _released;

    internal LoadedModel Model { get; } = model;

    internal ResidentEntry Entry { get; } = entry;

    /// <summary>How long this request waited for the model.</summary>
    internal TimeSpan LoadDuration { get; } = loadDuration;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
            residency.Release(Entry);
    }
}
