using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Dispatch;

/// <summary>A request with the queue: who waits, and what he is told meanwhile.</summary>
internal sealed class QueuedRequest(RouteRequest request, ISilence? silence)
{
    public RouteRequest Request => request;

    public ISilence? Silence => silence;

    /// <summary>Who can end the request; null outside of one that is measured.</summary>
    public RequestMeasure? Measure { get; init; }

    /// <summary>Whether it was ended since its client takes nothing.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>Completes with the slot; null where there was one at once.</summary>
    public TaskCompletionSource? Waiter { get; set; }
}
