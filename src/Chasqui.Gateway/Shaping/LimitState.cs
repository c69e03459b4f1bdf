namespace Chasqui.Gateway.Shaping;

/// <summary>The two buckets of whatever has a limit: a key, models, or all together. Guarded by the shaper's lock.</summary>
/// <param name="subject">Whose limit it is, for people, e.g. <c>key "laptop"</c>.</param>
internal sealed class LimitState(string subject)
{
    private TrafficLimit _applied = TrafficLimit.None;

    public string Subject { get; } = subject;

    public TokenBucket? Requests { get; private set; }

    public TokenBucket? Tokens { get; private set; }

    /// <summary>Requests whose bodies come, and that will take from it.</summary>
    public int Arriving { get; set; }

    /// <summary>Puts a limit in force; what was used before stays used.</summary>
    public void Apply(TrafficLimit limit, long now)
    {
        if (limit == _applied)
            return;
        _applied = limit;
        Requests = Changed(Requests, limit.RequestsPerMinute, limit.RequestBurst, now);
        Tokens = Changed(Tokens, limit.TokensPerMinute, limit.TokenBurst, now);
    }

    private static TokenBucket? Changed(TokenBucket? bucket, long? perMinute, long? burst, long now) =>
        perMinute is not { } rate ? null : bucket?.With(rate, burst, now) ?? new TokenBucket(rate, burst, now);
}
