namespace Chasqui.Gateway.Dispatch;

/// <summary>Sends a slow request a second time (Dean and Barroso, "The Tail at Scale", 2013): the first answer counts, the other attempt is cancelled. Pure.</summary>
public static class Hedge
{
    /// <summary>Runs one attempt, and a second beside it when the first takes long.</summary>
    /// <param name="first">The first attempt; it lets go of all it holds when its token is cancelled.</param>
    /// <param name="second">Begins the second one; null where there shall be none.</param>
    /// <param name="after">How long the first one may take; zero for as long as it likes.</param>
    /// <param name="discard">Lets go of an answer that came too late to count; null where there is nothing to let go of. Must not throw.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends both.</param>
    /// <returns>The first answer; to be disposed once it was read, as its token ends then.</returns>
    /// <exception cref="EngineException">Both failed; it is the failure that came first.</exception>
    public static async Task<Hedged<T>> RunAsync<T>(
        Func<CancellationToken, Task<T>> first, Func<CancellationToken, Task<T>?> second, TimeSpan after, Func<T, ValueTask>? discard, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(time);
        using var stop = new CancellationTokenSource();
        // Runs before the request does, so that whoever has seen the request can move the clock.
        var late = Task.Delay(after > TimeSpan.Zero ? after : Timeout.InfiniteTimeSpan, time, stop.Token);
        var one = Attempt<T>.Begin(first, cancellationToken)!;
        await Task.WhenAny(one.Task, late).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        if (one.Task.IsCompleted || Attempt<T>.Begin(second, cancellationToken) is not { } two)
            return await one.AnswerAsync(Task.CompletedTask).ConfigureAwait(false);

        var ended = await Task.WhenAny(one.Task, two.Task).ConfigureAwait(false);
        var (faster, slower) = ended == one.Task ? (one, two) : (two, one);
        if (faster.Task.IsCompletedSuccessfully)
            return await faster.AnswerAsync(slower.LetGoAsync(discard)).ConfigureAwait(false);
        await ((Task)slower.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Where both failed, what came first is told.
        var (told, other) = slower.Task.IsCompletedSuccessfully ? (slower, faster) : (faster, slower);
        return await told.AnswerAsync(other.LetGoAsync(discard)).ConfigureAwait(false);
    }

    private sealed class Attempt<T>(Task<T> task, CancellationTokenSource source)
    {
        public Task<T> Task => task;

        public static Attempt<T>? Begin(Func<CancellationToken, Task<T>?> begin, CancellationToken cancellationToken)
        {
            var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (begin(source.Token) is { } task)
                return new Attempt<T>(task, source);
            source.Dispose();
            return null;
        }

        public async Task<Hedged<T>> AnswerAsync(Task loser)
        {
            try
            {
                return new Hedged<T>(await task.ConfigureAwait(false), loser, source);
            }
            catch
            {
                source.Dispose();
                throw;
            }
        }

        public async Task LetGoAsync(Func<T, ValueTask>? discard)
        {
            await source.CancelAsync().ConfigureAwait(false);
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            source.Dispose();
            if (task.IsCompletedSuccessfully && discard is not null)
                await discard(await task.ConfigureAwait(false)).ConfigureAwait(false);
        }
    }
}

/// <summary>The answer of the attempt that was faster. To be disposed once it was read.</summary>
/// <param name="answer">The answer.</param>
/// <param name="loser">Ends when the other attempt has let go of all it holds; completed where there was none. Never fails.</param>
/// <param name="source">Of the answer's token.</param>
public sealed class Hedged<T>(T answer, Task loser, IDisposable source) : IDisposable
{
    /// <summary>The answer.</summary>
    public T Answer => answer;

    /// <summary>Ends when the other attempt has let go of all it holds, e.g. of the request's body; completed where there was none. Never fails.</summary>
    public Task Loser => loser;

    /// <summary>The answer was read.</summary>
    public void Dispose() => source.Dispose();
}
