namespace Chasqui.Gateway.Shaping;

/// <summary>Where a caller stands: of all limits that hold for a request, the ones of which least is left. Null where there is none.</summary>
/// <param name="Requests">Of requests.</param>
/// <param name="Tokens">Of tokens.</param>
public readonly record struct LimitStatus(LimitFigure? Requests, LimitFigure? Tokens);

/// <summary>How one limit stands.</summary>
/// <param name="Limit">The most there can be at once.</param>
/// <param name="Remaining">What is left, at least 0.</param>
/// <param name="UntilFull">How long until all of it is there again; null for never.</param>
public readonly record struct LimitFigure(long Limit, long Remaining, TimeSpan? UntilFull);
