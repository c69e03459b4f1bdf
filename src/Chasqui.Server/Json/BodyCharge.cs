using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Server;

/// <summary>The bytes that one body has of the budget. Small bodies take nothing: the limit of requests at a time bounds them. For one reader; may be disposed of more than once.</summary>
internal sealed class BodyCharge : IDisposable
{
    /// <summary>Bytes up to which a body is not counted.</summary>
    public const int Free = 16 * 1024;

    private readonly ByteBudget _budget;
    private readonly CallerLoads _loads;
    private readonly CallerLoad _load;
    private readonly Caller _caller;
    private long _taken;
    private int _disposed;

    /// <param name="budget">Has the bytes.</param>
    /// <param name="loads">Counts them for the caller also where its request is over: a run that can be come back to goes on with its body.</param>
    /// <param name="load">Whose they are.</param>
    /// <param name="caller">The same, for the words of a refusal.</param>
    public BodyCharge(ByteBudget budget, CallerLoads loads, CallerLoad load, Caller caller) =>
        (_budget, _loads, _load, _caller) = (budget, loads, loads.Share(load), caller);

    /// <summary>Takes more, perhaps after a wait.</summary>
    /// <exception cref="EngineException">There is no room.</exception>
    public async ValueTask AddAsync(long bytes, CancellationToken cancellationToken)
    {
        await _budget.TakeAsync(_load, _caller, bytes, cancellationToken).ConfigureAwait(false);
        _taken += bytes;
    }

    /// <summary>Gives all but so much back.</summary>
    public void Keep(long bytes)
    {
        var rest = _taken - bytes;
        _taken = bytes;
        if (rest > 0)
            _budget.Return(_load, rest);
    }

    /// <summary>Gives all back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        Keep(0);
        _loads.Release(_load);
    }
}
