namespace Chasqui.Engines.Http;

/// <summary>The time-outs of one kind of request.</summary>
/// <param name="First">Until something comes that is progress.</param>
/// <param name="Between">Until the next progress.</param>
/// <param name="Total">Until all of it is there; <see cref="Timeout.InfiniteTimeSpan"/> for no end.</param>
/// <param name="FirstName">Which time-out <paramref name="First"/> is, for its error.</param>
/// <param name="BetweenName">Which time-out <paramref name="Between"/> is, for its error.</param>
internal sealed record CallLimits(TimeSpan First, TimeSpan Between, TimeSpan Total, string FirstName, string BetweenName)
{
    /// <summary>A request that computes.</summary>
    public static CallLimits Computing(CallTimeouts t) =>
        new(t.FirstToken, t.BetweenTokens, t.Total, nameof(t.FirstToken), nameof(t.BetweenTokens));

    /// <summary>A question that a node answers out of its head.</summary>
    public static CallLimits Asking(CallTimeouts t) =>
        new(t.BetweenTokens, t.BetweenTokens, t.Total, nameof(t.BetweenTokens), nameof(t.BetweenTokens));

    /// <summary>Gigabytes that move: slow is fine, silence is not.</summary>
    public static CallLimits Moving(CallTimeouts t) =>
        new(t.FirstToken, t.FirstToken, Timeout.InfiniteTimeSpan, nameof(t.FirstToken), nameof(t.FirstToken));
}
