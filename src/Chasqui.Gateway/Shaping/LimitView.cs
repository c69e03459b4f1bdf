namespace Chasqui.Gateway.Shaping;

/// <summary>The limits that hold for one caller and one model. Thread-safe.</summary>
public sealed class LimitView
{
    private readonly TrafficShaper _shaper;

    internal LimitView(TrafficShaper shaper, IReadOnlyList<LimitState> states) => (_shaper, States) = (shaper, states);

    internal IReadOnlyList<LimitState> States { get; }

    /// <summary>The most tokens that the smallest of the buckets holds.</summary>
    public long SmallestTokenBurst
    {
        get
        {
            var least = long.MaxValue;
            foreach (var state in States)
            {
                // A bucket of nothing refuses every request, whatever it asks for.
                if (state.Tokens is { Burst: > 0 and var burst } && burst < least)
                    least = burst;
            }
            return least;
        }
    }

    /// <summary>How they stand now.</summary>
    public LimitStatus Status() => _shaper.StatusOf(this);

    /// <summary>The buckets that a request takes from, and how much of each.</summary>
    internal IEnumerable<(LimitState State, TokenBucket Bucket, long Count)> Draws(long tokens)
    {
        foreach (var state in States)
        {
            if (state.Requests is { } requests)
                yield return (state, requests, 1);
            if (state.Tokens is { } counted)
                yield return (state, counted, tokens);
        }
    }
}
