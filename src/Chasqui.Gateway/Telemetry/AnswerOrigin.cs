using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway.Telemetry;

/// <summary>How an answer came about.</summary>
/// <param name="Reason">Why its node was chosen.</param>
/// <param name="Changes">What a policy changed of the request's options; empty for nothing.</param>
public sealed record AnswerOrigin(RouteReason Reason, IReadOnlyList<OptionChange> Changes);
