namespace Chasqui.Gateway.Shaping;

/// <summary>The bytes that one body has of the budget. For one reader; may be disposed of more than once.</summary>
/// <remarks>The load is kept beyond the end of its request: a run that can be come back to goes on with the body.</remarks>
public sealed class BodyCharge : IDisposable
{
    // Buffers up to this length are used again.
    private const long Large = 1 << 20;

    private readonly ByteBudget _budget;
    private readonly CallerLoads _loads;
    private long _taken;
    private int _disposed;

    /// <param name="budget">Has the bytes.</param>
    /// <param name="loads">Counts them for the caller.</param>
    /// <param name="load">Whose they are.</param>
    /// <param name="caller">The same, for the words of a refusal.</param>
    public BodyCharge(ByteBudget budget, CallerLoads loads, CallerLoad load, Caller caller)
    {
        ArgumentNullException.ThrowIfNull(loads);
        (_budget, _loads, Load, Caller) = (budget, loads, loads.Share(load), caller);
    }

    internal CallerLoad Load { get; }

    internal Caller Caller { get; }

    /// <summary>Whether it is the one body of its caller that may be beyond what the caller may hold.</summary>
    internal bool IsLargest { get; private set; }

    /// <summary>Takes more, perhaps after a wait.</summary>
    /// <exception cref="RateLimitedException">The caller holds too much.</exception>
    /// <exception cref="EngineOverloadedException">All together do.</exception>
    public async ValueTask AddAsync(long bytes, CancellationToken cancellationToken)
    {
        if (!_budget.TryTake(this, bytes))
            await _budget.WaitAsync(this, bytes, cancellationToken).ConfigureAwait(false);
        _taken += bytes;
    }

    /// <summary>Gives all but so much back.</summary>
    public void Keep(long bytes)
    {
        var rest = _taken - bytes;
        _taken = bytes;
        if (rest <= 0)
            return;
        // What was beyond the caller's share for a moment, while its buffer grew, is not any more: another one may be.
        if (IsLargest && Load.Bytes - rest <= _budget.MostOfCaller)
        {
            IsLargest = false;
            Load.EndLargest();
        }
        _budget.Return(Load, rest);
        if (rest > Large)
            _budget.LeftGarbage?.Invoke(rest);
    }

    /// <summary>Gives all back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        Keep(0);
        if (IsLargest)
            Load.EndLargest();
        _loads.Release(Load);
    }

    internal bool TryBeLargest() => IsLargest || (IsLargest = Load.TryBeLargest());
}
