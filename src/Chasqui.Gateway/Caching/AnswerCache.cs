using System.Buffers.Binary;
using Microsoft.Extensions.Caching.Memory;

namespace Chasqui.Gateway.Caching;

/// <summary>
/// Answers that are always the same, by keys that name all that makes them so. In memory within a bound, the least recently used leave; beside that, where there is one, in
/// a place that several gateways share, whose loss costs misses and no more. Thread-safe.
/// </summary>
public sealed class AnswerCache : IDisposable
{
    // What the memory cache has for each entry beside its key and its bytes, about.
    private const int Overhead = 256;
    private const int Stamp = sizeof(long);

    private readonly Lock _gate = new();
    private readonly Func<CacheOptions> _options;
    private readonly TimeProvider _time;
    private readonly ISharedStore? _shared;
    private MemoryCache? _memory;
    private long _bound;

    /// <param name="options">The settings that hold now.</param>
    /// <param name="time">The clock.</param>
    /// <param name="shared">The place that is shared; null for none.</param>
    public AnswerCache(Func<CacheOptions> options, TimeProvider time, ISharedStore? shared = null) => (_options, _time, _shared) = (options, time, shared);

    /// <summary>Whether anything is kept.</summary>
    public bool IsEnabled => _options().Enabled;

    /// <summary>Bytes that are kept in memory.</summary>
    public long Bytes => _memory?.GetCurrentStatistics()?.CurrentEstimatedSize ?? 0;

    /// <summary>Looks for an answer.</summary>
    public async ValueTask<CachedAnswer?> FindAsync(string key, CancellationToken cancellationToken)
    {
        if (!IsEnabled)
            return null;
        if (Memory().TryGetValue(key, out byte[]? bytes) && Read(bytes!) is { } known)
            return known;
        if (_shared is null || await _shared.FindAsync(key, cancellationToken).ConfigureAwait(false) is not { Length: >= Stamp } found || Read(found) is not { } answer)
            return null;
        Keep(key, found);
        return answer;
    }

    /// <summary>Keeps an answer.</summary>
    /// <param name="key">Names all that makes it so.</param>
    /// <param name="body">Its bytes; copied.</param>
    public void Add(string key, ReadOnlySpan<byte> body)
    {
        var options = _options();
        if (!options.Enabled)
            return;
        var bytes = new byte[Stamp + body.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _time.GetUtcNow().ToUnixTimeMilliseconds());
        body.CopyTo(bytes.AsSpan(Stamp));
        Keep(key, bytes);
        _shared?.Add(key, bytes, options.Lifetime);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory?.Dispose();

    private void Keep(string key, byte[] bytes)
    {
        using var entry = Memory().CreateEntry(key);
        entry.Value = bytes;
        entry.Size = bytes.Length + (key.Length * sizeof(char)) + Overhead;
    }

    /// <returns>Null where it is too old.</returns>
    private CachedAnswer? Read(byte[] bytes)
    {
        var age = _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(bytes));
        if (age < TimeSpan.Zero)
            age = TimeSpan.Zero;
        return age < _options().Lifetime ? new CachedAnswer(bytes.AsMemory(Stamp), age) : null;
    }

    private MemoryCache Memory()
    {
        var bound = _options().MaxBytes;
        if (_memory is { } memory && Volatile.Read(ref _bound) == bound)
            return memory;
        lock (_gate)
        {
            if (_memory is { } other && _bound == bound)
                return other;
            // Whoever still has the old one finds nothing there, and keeps nothing in it.
            _memory = new MemoryCache(new MemoryCacheOptions { SizeLimit = bound, TrackStatistics = true });
            Volatile.Write(ref _bound, bound);
            return _memory;
        }
    }
}

/// <summary>An answer that was kept.</summary>
/// <param name="Body">Its bytes.</param>
/// <param name="Age">How old it is.</param>
public readonly record struct CachedAnswer(ReadOnlyMemory<byte> Body, TimeSpan Age);

/// <summary>A place for answers that several gateways share. It never fails: what it cannot find is not there. Thread-safe.</summary>
public interface ISharedStore
{
    /// <summary>Looks for an answer; null where it is not there or the place is not.</summary>
    ValueTask<byte[]?> FindAsync(string key, CancellationToken cancellationToken);

    /// <summary>Keeps an answer, if it can; nobody waits for it.</summary>
    void Add(string key, byte[] value, TimeSpan lifetime);
}
