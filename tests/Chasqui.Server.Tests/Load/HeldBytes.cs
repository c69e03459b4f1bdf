using Chasqui.Gateway.Shaping;

namespace Chasqui.Server.Tests.Load;

/// <summary>Waits for what a gateway holds of bodies.</summary>
internal static class HeldBytes
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    public static async Task UntilAsync(this ByteBudget budget, Func<long, bool> isSo)
    {
        var so = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look()
        {
            if (isSo(budget.Held))
                so.TrySetResult();
        }
        budget.Changed += Look;
        Look();
        await so.Task.WaitAsync(_limit, TestContext.Current.CancellationToken);
        budget.Changed -= Look;
    }
}
