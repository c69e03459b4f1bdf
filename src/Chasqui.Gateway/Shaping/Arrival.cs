namespace Chasqui.Gateway.Shaping;

/// <summary>A request whose body comes, with the place that it has in the limits of requests until it is let in. May be disposed of more than once; thread-safe.</summary>
public sealed class Arrival : IDisposable
{
    private readonly TrafficShaper _shaper;
    private readonly IReadOnlyList<LimitState> _states;
    private int _disposed;

    internal Arrival(TrafficShaper shaper, IReadOnlyList<LimitState> states) => (_shaper, _states) = (shaper, states);

    /// <summary>The body has come, or comes no more.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _shaper.Arrived(_states);
    }
}
