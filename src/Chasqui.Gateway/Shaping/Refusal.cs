namespace Chasqui.Gateway.Shaping;

/// <summary>Words a refusal.</summary>
internal static class Refusal
{
    /// <summary>The refusal of a request, of the limit that keeps it waiting longest.</summary>
    /// <param name="view">The limits that hold for it.</param>
    /// <param name="tokens">Tokens that it may take.</param>
    /// <param name="now">The time.</param>
    /// <param name="wait">How long it would wait behind all others; null for ever.</param>
    public static RateLimitedException Of(LimitView view, long tokens, long now, TimeSpan? wait)
    {
        var (state, bucket, _) = view.Draws(tokens).MaxBy(draw => draw.Bucket.WaitFor(draw.Count, now) ?? TimeSpan.MaxValue);
        var ofTokens = ReferenceEquals(bucket, state.Tokens);
        var what = ofTokens ? "tokens" : "requests";
        if (wait is not { } time)
            return new RateLimitedException($"the limit of {state.Subject} is 0 {what} a minute, so nothing is let through", ofTokens, null);
        var seconds = (long)Math.Max(1, Math.Ceiling(time.TotalSeconds));
        return new RateLimitedException(
            FormattableString.Invariant($"the limit of {state.Subject} is reached, {bucket.PerMinute} {what} a minute; try again in {seconds} s"), ofTokens, TimeSpan.FromSeconds(seconds));
    }
}
