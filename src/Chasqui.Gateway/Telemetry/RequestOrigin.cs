namespace Chasqui.Gateway.Telemetry;

/// <summary>How a request came.</summary>
/// <param name="Transport"><c>http</c> or <c>mcp</c>.</param>
/// <param name="Route">The path or the operation, one of a known set; <see cref="TelemetryNames.OtherModel"/> for all else.</param>
/// <param name="SpanName">The name of its span, one of a known set too.</param>
public readonly record struct RequestOrigin(string Transport, string Route, string SpanName)
{
    /// <summary>The id that the caller gave; another is made where it is not sane.</summary>
    public string? RequestId { get; init; }

    /// <summary>The caller's <c>traceparent</c>; ignored where it is none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The caller's <c>tracestate</c>; ignored without a parent, and where it is longer than 512 characters or no ASCII.</summary>
    public string? TraceState { get; init; }

    /// <summary>Whether it has spans. Default true.</summary>
    public bool Traced { get; init; } = true;
}
