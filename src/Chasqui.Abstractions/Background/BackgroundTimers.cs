namespace Chasqui;

/// <summary>Timers whose callback cannot end the process.</summary>
public static class BackgroundTimers
{
    /// <summary>
    /// Makes a timer that belongs to no request: it takes no execution context along. What its callback throws is reported to
    /// <see cref="BackgroundFaults"/>, and the timer goes on.
    /// </summary>
    /// <typeparam name="TState">What the callback gets.</typeparam>
    /// <param name="time">The clock.</param>
    /// <param name="work">The name under which a fault is reported.</param>
    /// <param name="callback">Called each time; give a static lambda, so that nothing is captured.</param>
    /// <param name="state">Handed to the callback.</param>
    /// <param name="due">The time to the first call. Default: never, until <see cref="ITimer.Change"/>.</param>
    /// <param name="period">The time between calls. Default: there is no second call.</param>
    public static ITimer CreateBackgroundTimer<TState>(
        this TimeProvider time, string work, Action<TState> callback, TState state, TimeSpan? due = null, TimeSpan? period = null)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(callback);
        var guarded = new Guarded<TState>(work, callback, state);
        if (ExecutionContext.IsFlowSuppressed())
            return Create();
        using (ExecutionContext.SuppressFlow())
            return Create();

        ITimer Create() => time.CreateTimer(
            static state => ((Guarded<TState>)state!).Run(), guarded, due ?? Timeout.InfiniteTimeSpan, period ?? Timeout.InfiniteTimeSpan);
    }

    private sealed class Guarded<TState>(string work, Action<TState> callback, TState state)
    {
        public void Run()
        {
            try
            {
                callback(state);
            }
            catch (Exception e)
            {
                BackgroundFaults.Report(work, e);
            }
        }
    }
}
