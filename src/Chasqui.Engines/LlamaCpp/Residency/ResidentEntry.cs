using Chasqui.Engines.Models;

namespace Chasqui.Engines.LlamaCpp.Residency;

/// <summary>A model that is loading, loaded or being freed. All of it is guarded by the lock of <see cref="ModelResidency"/>.</summary>
internal sealed class ResidentEntry(ModelDescription description, FileStamp file) : IDisposable
{
    internal ModelDescription Description { get; } = description;

    /// <summary>The state of the file that was loaded; another one by the same name is another model.</summary>
    internal FileStamp File { get; } = file;

    /// <summary>Cancelled when everyone who waited for the load has left.</summary>
    internal CancellationTokenSource LoadCancellation { get; } = new();

    /// <summary>Completes when the memory has been given back.</summary>
    internal TaskCompletionSource Freed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<LoadedModel>? Load { get; set; }

    internal LoadedModel? Model { get; set; }

    /// <summary>Requests that use it or wait for it.</summary>
    internal int Users { get; set; }

    /// <summary>Takes no further requests; freed when the last user leaves.</summary>
    internal bool Retiring { get; set; }

    internal bool Freeing { get; set; }

    /// <summary>Freed, or never loaded: it is in nobody's list any more.</summary>
    internal bool Gone { get; set; }

    internal TimeSpan KeepAlive { get; set; }

    internal DateTimeOffset ExpiresAt { get; set; } = DateTimeOffset.MaxValue;

    /// <summary>When it was last used, for choosing whom to evict.</summary>
    internal long LastUsed { get; set; }

    internal ITimer? Timer { get; set; }

    internal bool IsIdle => Model is not null && Users == 0 && !Freeing;

    public void Dispose()
    {
        Timer?.Dispose();
        LoadCancellation.Dispose();
    }
}
