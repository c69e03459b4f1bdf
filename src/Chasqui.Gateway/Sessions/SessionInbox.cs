using System.Threading.Channels;

namespace Chasqui.Gateway.Sessions;

/// <summary>What a follower has not read yet: few changes, and beyond them only that there are more, which he finds in the store.</summary>
internal sealed class SessionInbox
{
    /// <summary>Changes that are kept for him.</summary>
    public const int Capacity = 64;

    private readonly Channel<SessionChange> _changes = Channel.CreateBounded<SessionChange>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private TaskCompletionSource _woken = New();
    private int _missed;

    /// <summary>A change, or null for one that is not known.</summary>
    public void Offer(SessionChange? change)
    {
        if (change is null || !_changes.Writer.TryWrite(change))
            Volatile.Write(ref _missed, 1);
        Volatile.Read(ref _woken).TrySetResult();
    }

    public bool TryRead(out SessionChange? change) => _changes.Reader.TryRead(out change);

    /// <summary>Whether there was more than was kept, since this was asked last.</summary>
    public bool TakeMissed() => Interlocked.Exchange(ref _missed, 0) == 1;

    /// <summary>Waits until something has come since the last wait began.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        await Volatile.Read(ref _woken).Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        // Set before what has come is read, so that nothing comes unseen in between.
        Volatile.Write(ref _woken, New());
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
