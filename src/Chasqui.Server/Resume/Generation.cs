using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Server;

/// <summary>A generation that whoever lost his connection can come back to. Thread-safe.</summary>
/// <param name="id">Its id.</param>
/// <param name="tenant">Within whom it can be asked for.</param>
internal abstract class Generation(string id, string tenant)
{
    public string Id { get; } = id;

    public string Tenant { get; } = tenant;

    /// <summary>Whether it has ended and nobody reads it, so that it makes room where there is none.</summary>
    public abstract bool MayGo { get; }

    /// <summary>Its place among the requests at a time of who began it; null where nothing is counted.</summary>
    public KeptPlace? Place { get; set; }

    /// <summary>Bytes of its answer so far. Under the lock of those that are kept.</summary>
    public long Bytes { get; set; }

    /// <summary>Ends it at once, although callers may read it.</summary>
    public abstract void Cancel();

    /// <summary>No caller can come back to it any more. It goes on for those that read it now.</summary>
    public abstract void LetGo();
}

/// <summary>
/// A generation that is nobody's own: it runs on for a while without readers, and is there for a while after its end. Thread-safe.
/// </summary>
/// <typeparam name="T">The parts that its answer has.</typeparam>
internal sealed class Generation<T> : Generation
{
    private readonly Lock _gate = new();
    private readonly Action _cancel;
    private readonly ResumeOptions _options;
    private readonly Action<Generation> _gone;
    private readonly Action<Generation> _ended;
    private readonly ITimer _timer;
    private readonly SharedReader<T> _keeper;
    private int _readers;

    /// <param name="id">Its id.</param>
    /// <param name="tenant">Within whom it can be asked for.</param>
    /// <param name="sizeOf">The bytes of a part.</param>
    /// <param name="options">For how long.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ended">Told when it has ended.</param>
    /// <param name="gone">Told once when it is no longer kept.</param>
    /// <param name="grew">Told of each part's bytes.</param>
    public Generation(
        string id, string tenant, Func<T, int> sizeOf, ResumeOptions options, TimeProvider time, Action<Generation> ended, Action<Generation> gone, Action<Generation, int> grew)
        : base(id, tenant)
    {
        (_options, _ended, _gone) = (options, ended, gone);
        // Nothing is linked to it, so that there is nothing to dispose of.
        var cancel = new CancellationTokenSource();
        (Token, _cancel) = (cancel.Token, () => _ = cancel.CancelAsync());
        // One that has become too long is kept no longer, and goes on for who reads it.
        Stream = new SharedStream<T>(options.BufferBytes, sizeOf, _cancel, LetGo, bytes => grew(this, bytes));
        _keeper = Stream.TryJoin()!;
        _timer = time.CreateBackgroundTimer("end of a kept answer", static generation => generation.LetGo(), this);
    }

    public SharedStream<T> Stream { get; }

    /// <summary>Cancelled when nobody reads it any more, and nobody will.</summary>
    public CancellationToken Token { get; }

    /// <inheritdoc/>
    public override bool MayGo
    {
        get
        {
            lock (_gate)
                return _readers == 0 && Stream.IsComplete;
        }
    }

    /// <summary>One more reader, from the beginning; null where that is gone.</summary>
    public SharedReader<T>? Join()
    {
        lock (_gate)
        {
            if (Stream.TryJoin() is not { } reader)
                return null;
            _readers++;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return reader;
        }
    }

    /// <summary>A reader has left.</summary>
    /// <param name="reader">Which.</param>
    /// <param name="onPurpose">Whether he said that he wants no more of it; where nobody else reads, it ends at once.</param>
    public void Left(SharedReader<T> reader, bool onPurpose = false)
    {
        bool ends;
        lock (_gate)
        {
            ends = --_readers == 0 && onPurpose && !Stream.IsComplete;
            if (_readers == 0)
                _timer.Change(Stream.IsComplete ? _options.KeepFor : _options.RunOn, Timeout.InfiniteTimeSpan);
        }
        reader.Dispose();
        if (ends)
            Cancel();
    }

    /// <summary>It has ended.</summary>
    public void Ended()
    {
        Place?.Ended();
        lock (_gate)
        {
            if (_readers == 0)
                _timer.Change(_options.KeepFor, Timeout.InfiniteTimeSpan);
        }
        _ended(this);
    }

    /// <inheritdoc/>
    public override void Cancel()
    {
        // Whoever sees that it has ended may ask for another one of that name.
        LetGo();
        _cancel();
    }

    /// <inheritdoc/>
    public override void LetGo()
    {
        _gone(this);
        _timer.Dispose();
        _keeper.Dispose();
    }
}
