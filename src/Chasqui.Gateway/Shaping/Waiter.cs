namespace Chasqui.Gateway.Shaping;

/// <summary>A request that waits for its turn. Guarded by the shaper's lock.</summary>
internal sealed class Waiter(LimitView view, long tokens, long deadline)
{
    private readonly TaskCompletionSource _admitted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LimitView View { get; } = view;

    public long Tokens { get; } = tokens;

    /// <summary>When it is refused after all.</summary>
    public long Deadline { get; } = deadline;

    /// <summary>Completes when it has been let in; fails when it is not.</summary>
    public Task Admitted => _admitted.Task;

    public void LetIn() => _admitted.TrySetResult();

    public void Refuse(Exception why) => _admitted.TrySetException(why);

    public void GiveUp(CancellationToken cancellationToken) => _admitted.TrySetCanceled(cancellationToken);
}
