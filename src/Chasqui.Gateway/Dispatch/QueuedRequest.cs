using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Dispatch;

/// <summary>A request with the queue: who waits, and what he is told meanwhile.</summary>
internal sealed class QueuedRequest(RouteRequest request, ISilence? silence)
{
    public RouteRequest Request => request;

    public ISilence? Silence => silence;

    /// <summary>Completes with the slot; null where there was one at once.</summary>
    public TaskCompletionSource? Waiter { get; set; }
}
