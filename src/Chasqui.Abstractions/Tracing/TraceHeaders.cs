namespace Chasqui;

/// <summary>The headers by which a request's id and trace go upstream over HTTP. Over MCP the fields are <c>request-id</c>, <c>traceparent</c> and <c>tracestate</c>.</summary>
/// <remarks>An HTTP client of .NET that sends headers of its own for traces (<c>SocketsHttpHandler.ActivityHeadersPropagator</c>) must have that turned off:
/// the span that it names there is nobody's.</remarks>
public static class TraceHeaders
{
    /// <summary>The request's id.</summary>
    public const string RequestId = "X-Request-Id";

    /// <summary>The place in a trace (W3C Trace Context).</summary>
    public const string TraceParent = "traceparent";

    /// <summary>What makers of traces add to it (W3C Trace Context).</summary>
    public const string TraceState = "tracestate";

    /// <summary>Whether a header is set by <see cref="AddTo"/>, so that one of the same name that came from the client, or comes back from the node, is not passed on.</summary>
    public static bool IsOwn(string name) => name.Length switch
    {
        10 => name.Equals(TraceState, StringComparison.OrdinalIgnoreCase),
        11 => name.Equals(TraceParent, StringComparison.OrdinalIgnoreCase),
        12 => name.Equals(RequestId, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    /// <summary>Adds what the request that runs here has; nothing outside of one.</summary>
    public static void AddTo(ICollection<KeyValuePair<string, string>> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        if (RequestContext.Current is not { } request)
            return;
        headers.Add(new(RequestId, request.RequestId));
        if (request.TraceParent is not { } parent)
            return;
        headers.Add(new(TraceParent, parent));
        if (request.TraceState is { } state)
            headers.Add(new(TraceState, state));
    }
}
