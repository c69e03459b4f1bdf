namespace Chasqui.Cli;

/// <summary>Waiting for a cancellation instead of being ended by it.</summary>
internal static class CancellationWait
{
    public static async Task WaitAsync(this CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(cancelled.SetResult);
        await cancelled.Task;
    }
}
