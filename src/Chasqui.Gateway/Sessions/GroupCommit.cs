using System.Threading.Channels;

namespace Chasqui.Gateway.Sessions;

/// <summary>Gathers the writes of a moment and commits them together; each is acknowledged when that is done. Thread-safe.</summary>
internal sealed class GroupCommit : IAsyncDisposable
{
    /// <summary>Writes that are committed together at most, so that the last one does not wait for ever.</summary>
    private const int MaxGroup = 512;

    private readonly ISessionStore _store;
    private readonly Func<TimeSpan> _window;
    private readonly TimeProvider _time;
    private readonly Channel<Pending> _pending;
    private readonly Task _running;

    public GroupCommit(ISessionStore store, int capacity, Func<TimeSpan> window, TimeProvider time)
    {
        (_store, _window, _time) = (store, window, time);
        _pending = Channel.CreateBounded<Pending>(new BoundedChannelOptions(capacity) { SingleReader = true });
        _running = RunAsync();
    }

    /// <summary>Commits a write with others. Once it is taken it is written, whoever has lost interest.</summary>
    /// <exception cref="SessionStoreException">The store cannot, or is about to close.</exception>
    public async Task<WriteOutcome> AddAsync(SessionWrite write, CancellationToken cancellationToken)
    {
        var pending = new Pending(write);
        try
        {
            await _pending.Writer.WriteAsync(pending, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new SessionStoreException(StoreFault.Unavailable, "the gateway shuts down; try again in a moment", e);
        }
        // Waited for to the end: only who knows how it ended can tell those who follow.
        return await pending.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Commits what was taken, and takes no more.</summary>
    public async ValueTask DisposeAsync()
    {
        _pending.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var group = new List<Pending>();
        // Those who were acknowledged together come back together: whoever waits longer than for as many waits for nobody.
        var usual = 1;
        while (await _pending.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            Take(group);
            if (group.Count < usual && _window() is { Ticks: > 0 } window)
                await GatherAsync(group, Math.Min(usual, MaxGroup), window).ConfigureAwait(false);
            usual = group.Count;
            await CommitAsync(group).ConfigureAwait(false);
            group.Clear();
        }
    }

    /// <summary>Waits for more, until there are as many as usual or the time is over.</summary>
    private async Task GatherAsync(List<Pending> group, int usual, TimeSpan window)
    {
        using var stop = new CancellationTokenSource(window, _time);
        try
        {
            while (group.Count < usual && await _pending.Reader.WaitToReadAsync(stop.Token).ConfigureAwait(false))
                Take(group);
        }
        catch (OperationCanceledException)
        {
            // The time is over.
            return;
        }
    }

    private void Take(List<Pending> group)
    {
        while (group.Count < MaxGroup && _pending.Reader.TryRead(out var next))
            group.Add(next);
    }

    private async Task CommitAsync(List<Pending> group)
    {
        try
        {
            var outcomes = await _store.CommitAsync([.. group.Select(pending => pending.Write)]).ConfigureAwait(false);
            for (var i = 0; i < group.Count; i++)
                group[i].Done.TrySetResult(outcomes[i]);
        }
#pragma warning disable CA1031 // Each of those who wait is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            foreach (var pending in group)
                pending.Done.TrySetException(e);
        }
    }

    private sealed record Pending(SessionWrite Write)
    {
        public TaskCompletionSource<WriteOutcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
