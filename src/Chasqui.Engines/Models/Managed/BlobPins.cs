namespace Chasqui.Engines.Models.Managed;

/// <summary>Blobs that are not to be removed: those of work under way, and those a client was told are there. Thread-safe.</summary>
internal sealed class BlobPins(TimeProvider time)
{
    /// <summary>How long a blob is kept for a create that has not come yet.</summary>
    public static readonly TimeSpan Waiting = TimeSpan.FromDays(1);

    // Beyond this the oldest promise is forgotten; a client whose blob is gone is told so and uploads it again.
    private const int MaxPromises = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _pinned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _promised = new(StringComparer.Ordinal);

    /// <summary>Keeps a blob until the result is disposed.</summary>
    public IDisposable Pin(BlobDigest digest)
    {
        lock (_gate)
            _pinned[digest.FileName] = _pinned.GetValueOrDefault(digest.FileName) + 1;
        return new Release(this, digest.FileName);
    }

    /// <summary>A client was told that this blob is there.</summary>
    public void Promise(BlobDigest digest)
    {
        lock (_gate)
        {
            _promised[digest.FileName] = time.GetUtcNow();
            if (_promised.Count > MaxPromises)
                _promised.Remove(_promised.MinBy(p => p.Value).Key);
        }
    }

    public bool IsKept(string fileName)
    {
        lock (_gate)
        {
            return _pinned.ContainsKey(fileName)
                || (_promised.TryGetValue(fileName, out var since) && time.GetUtcNow() - since < Waiting);
        }
    }

    private void Unpin(string fileName)
    {
        lock (_gate)
        {
            if (--_pinned[fileName] == 0)
                _pinned.Remove(fileName);
        }
    }

    private sealed class Release(BlobPins pins, string fileName) : IDisposable
    {
        private int _done;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _done, 1) == 0)
                pins.Unpin(fileName);
        }
    }
}
