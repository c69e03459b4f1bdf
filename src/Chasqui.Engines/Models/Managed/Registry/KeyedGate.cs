namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Lets one at a time in for each key. Thread-safe.</summary>
internal sealed class KeyedGate
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Waits for a key.</summary>
    /// <returns>To be disposed to let the next one in.</returns>
    public async Task<IDisposable> EnterAsync(string key, CancellationToken cancellationToken)
    {
        Entry entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out entry!))
                _entries[key] = entry = new Entry();
            entry.Users++;
        }
        try
        {
            await entry.Free.WaitAsync(cancellationToken).ConfigureAwait(false);
            return new Inside(this, key, entry);
        }
        catch
        {
            Leave(key, entry);
            throw;
        }
    }

    private void Leave(string key, Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users == 0)
            {
                _entries.Remove(key);
                entry.Free.Dispose();
            }
        }
    }

    private sealed class Entry
    {
        public int Users { get; set; }

        public SemaphoreSlim Free { get; } = new(1);
    }

    private sealed class Inside(KeyedGate owner, string key, Entry entry) : IDisposable
    {
        public void Dispose()
        {
            entry.Free.Release();
            owner.Leave(key, entry);
        }
    }
}
