namespace Chasqui;

/// <summary>
/// Who asks: the request that the code runs for, with its id and its place in a W3C trace. It goes with the request from room to room, so that
/// whatever sends something upstream can pass both on.
/// </summary>
public abstract class RequestContext
{
    private const int MostPassedOver = 16;

    private static readonly AsyncLocal<RequestContext?> _current = new();

    private string[] _passedOver = [];

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

    /// <summary>The parts of the request that were passed over, at most 16, each once. Thread-safe.</summary>
    public IReadOnlyList<string> PassedOver => Volatile.Read(ref _passedOver);

    /// <summary>Notes a part of the request that cannot be said to the engine and cannot change its answer, such as <c>num_thread</c>: the caller is told its name. Thread-safe.</summary>
    public void PassOver(string what)
    {
        while (true)
        {
            var before = Volatile.Read(ref _passedOver);
            if (before.Length >= MostPassedOver || before.Contains(what))
                return;
            if (Interlocked.CompareExchange(ref _passedOver, [.. before, what], before) == before)
                return;
        }
    }
}
