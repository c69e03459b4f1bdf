namespace Chasqui;

/// <summary>
/// Who asks: the request that the code runs for, with its id and its place in a W3C trace. It goes with the request from room to room, so that
/// whatever sends something upstream can pass both on.
/// </summary>
public abstract class RequestContext
{
    private static readonly AsyncLocal<RequestContext?> _current = new();

    /// <summary>The request that runs here; null outside of one. It flows as <see cref="AsyncLocal{T}"/> does.</summary>
    public static RequestContext? Current
    {
        get => _current.Value;
        set => _current.Value = value;
    }

    /// <summary>The request's id: 1 to 128 characters of visible ASCII.</summary>
    public abstract string RequestId { get; }

    /// <summary>The <c>traceparent</c> to send upstream now: that of the innermost span, else the one that came with the request; null where there is neither.</summary>
    public abstract string? TraceParent { get; }

    /// <summary>The <c>tracestate</c> that goes with <see cref="TraceParent"/>; null for none.</summary>
    public abstract string? TraceState { get; }
}
