namespace Chasqui.Gateway.Merging;

/// <summary>
/// An answer that several read while it is made: each gets all of it, whenever he joined and however slowly he reads. Up to a bound all is kept, and whoever joins
/// gets first what was already said. An answer that grows beyond takes nobody in any more, and is made no faster than its slowest reader reads. Thread-safe.
/// </summary>
/// <param name="capacity">Bytes that are kept.</param>
/// <param name="sizeOf">The bytes of an item.</param>
/// <param name="deserted">Called once, when the last reader leaves before the end.</param>
/// <param name="full">Called when more has not been read by somebody than is kept; null for nothing.</param>
/// <param name="grew">Told of the bytes of each item, outside of all locks; null for nothing.</param>
public sealed class SharedStream<T>(int capacity, Func<T, int> sizeOf, Action deserted, Action? full = null, Action<int>? grew = null)
{
    private readonly Lock _gate = new();
    private readonly List<(T Item, long End)> _items = [];
    private readonly HashSet<SharedReader<T>> _readers = [];
    private TaskCompletionSource? _more;
    private TaskCompletionSource? _room;
    private int _dropped;
    private long _written;
    private bool _isDeserted;

    /// <summary>Whether there will be no more.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Why there will be no more, where that is a failure.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whatever whoever makes it wants its readers to know.</summary>
    public object? Tag { get; set; }

    /// <summary>Whether all of it is still here.</summary>
    public bool IsWhole => Volatile.Read(ref _dropped) == 0 && Volatile.Read(ref _written) <= capacity;

    /// <summary>All items so far.</summary>
    public IReadOnlyList<T> Items
    {
        get
        {
            lock (_gate)
                return [.. _items.Select(entry => entry.Item)];
        }
    }

    /// <summary>One more reader, from the beginning.</summary>
    /// <returns>Null where the beginning is gone, or it ends for want of readers.</returns>
    public SharedReader<T>? TryJoin()
    {
        lock (_gate)
        {
            if (_isDeserted || !IsWhole)
                return null;
            var reader = new SharedReader<T>(this);
            _readers.Add(reader);
            return reader;
        }
    }

    /// <summary>Says something. Waits while the slowest reader is too far behind.</summary>
    public async ValueTask WriteAsync(T item, CancellationToken cancellationToken)
    {
        TaskCompletionSource? more;
        var size = sizeOf(item);
        lock (_gate)
        {
            _written += size;
            _items.Add((item, _written));
            more = Interlocked.Exchange(ref _more, null);
        }
        more?.TrySetResult();
        grew?.Invoke(size);
        if (full is not null && Room() is not null)
            full();
        while (Room() is { } room)
            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>There is no more.</summary>
    /// <param name="failure">Why, where that is no good reason; each reader is told once he has read what there is.</param>
    public void Complete(Exception? failure = null)
    {
        TaskCompletionSource? more;
        lock (_gate)
        {
            if (IsComplete)
                return;
            (IsComplete, Failure) = (true, failure);
            more = Interlocked.Exchange(ref _more, null);
        }
        more?.TrySetResult();
    }

    internal bool TryRead(SharedReader<T> reader, out T item, out Task? wait)
    {
        TaskCompletionSource? room = null;
        lock (_gate)
        {
            (item, wait) = (default!, null);
            if (reader.Position - _dropped is var index && index < _items.Count)
            {
                item = _items[index].Item;
                reader.Position++;
                room = Forget();
            }
            else if (!IsComplete)
            {
                wait = (_more ??= New()).Task;
                return false;
            }
            else
            {
                return Failure is null ? false : throw Failure;
            }
        }
        room?.TrySetResult();
        return true;
    }

    internal void Leave(SharedReader<T> reader)
    {
        TaskCompletionSource? room;
        bool ends;
        lock (_gate)
        {
            if (!_readers.Remove(reader))
                return;
            room = Forget();
            ends = _readers.Count == 0 && !IsComplete && !_isDeserted;
            _isDeserted |= _readers.Count == 0;
        }
        room?.TrySetResult();
        if (ends)
            deserted();
    }

    /// <summary>Lets go of what nobody will read any more, where it is too much to be kept. Under the lock.</summary>
    /// <returns>Whoever waits for room, if there is some now.</returns>
    private TaskCompletionSource? Forget()
    {
        if (_written <= capacity)
            return null;
        var read = _readers.Count == 0 ? _dropped + _items.Count : _readers.Min(reader => reader.Position);
        if (read > _dropped)
        {
            _items.RemoveRange(0, read - _dropped);
            _dropped = read;
        }
        return IsFull() ? null : Interlocked.Exchange(ref _room, null);
    }

    private Task? Room()
    {
        lock (_gate)
        {
            Forget();
            return IsFull() ? (_room ??= New()).Task : null;
        }
    }

    private bool IsFull() => _items.Count > 1 && _written - _items[0].End > capacity;

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>One of those who read a shared answer. For one caller; to be disposed, which leaves.</summary>
public sealed class SharedReader<T> : IDisposable
{
    private readonly SharedStream<T> _stream;

    internal SharedReader(SharedStream<T> stream) => _stream = stream;

    internal int Position { get; set; }

    /// <summary>The answer.</summary>
    public SharedStream<T> Stream => _stream;

    /// <summary>The next item if it is there already.</summary>
    public bool TryRead(out T item) => _stream.TryRead(this, out item, out _);

    /// <summary>Waits until <see cref="TryRead"/> has something or there is no more.</summary>
    /// <returns>False at the end.</returns>
    public async ValueTask<(bool HasItem, T Item)> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_stream.TryRead(this, out var item, out var wait))
                return (true, item);
            if (wait is null)
                return (false, item);
            await wait.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>All items.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is (true, var item))
            yield return item;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Leave(this);
}
