namespace Chasqui.Gateway.Merging;

/// <summary>Generations that run now, so that whoever asks for the same joins one instead of having it made again. Thread-safe.</summary>
/// <param name="sizeOf">The bytes of an item.</param>
public sealed class SharedGenerations<T>(Func<T, int> sizeOf)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SharedStream<T>> _running = new(StringComparer.Ordinal);

    /// <summary>Those that run.</summary>
    public int Running
    {
        get
        {
            lock (_gate)
                return _running.Count;
        }
    }

    /// <summary>Joins one, or begins it.</summary>
    /// <param name="key">Equal for those that have the same answer.</param>
    /// <param name="capacity">Bytes that are kept of one that is begun.</param>
    /// <param name="run">Makes the answer: writes all of it. Its token ends it when nobody reads any more; it is nobody's request.</param>
    /// <param name="isFirst">Whether it was begun.</param>
    public SharedReader<T> Join(string key, int capacity, Func<SharedStream<T>, CancellationToken, Task> run, out bool isFirst)
    {
        ArgumentNullException.ThrowIfNull(run);
        SharedStream<T> stream;
        SharedReader<T> reader;
        // Nothing is linked to it, so that there is nothing to dispose of.
        var cancel = new CancellationTokenSource();
        lock (_gate)
        {
            if (_running.TryGetValue(key, out var running) && running.TryJoin() is { } joined)
            {
                isFirst = false;
                return joined;
            }
            stream = new SharedStream<T>(capacity, sizeOf, () => _ = cancel.CancelAsync());
            reader = stream.TryJoin()!;
            _running[key] = stream;
        }
        isFirst = true;
        _ = RunAsync(key, stream, run, cancel.Token);
        return reader;
    }

    private async Task RunAsync(string key, SharedStream<T> stream, Func<SharedStream<T>, CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        try
        {
            await run(stream, cancellationToken).ConfigureAwait(false);
            stream.Complete();
        }
#pragma warning disable CA1031 // Every reader is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            stream.Complete(e);
        }
        lock (_gate)
        {
            if (_running.TryGetValue(key, out var running) && ReferenceEquals(running, stream))
                _running.Remove(key);
        }
    }
}
