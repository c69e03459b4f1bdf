using Chasqui.Gateway.Policies;

namespace Chasqui.Server;

/// <summary>The headers that scripts of a web page of another origin may send and read: browsers keep all from them that is not named.</summary>
internal static class BrowserHeaders
{
    // The first are Ollama's, in its order; then what the packages of OpenAI and Anthropic send, and what is the gateway's own.
    private static readonly string[] _sent =
    [
        "Authorization", "Content-Type", "User-Agent", "Accept", "X-Requested-With", "Openai-Beta", "X-Stainless-Arch", "X-Stainless-Async",
        "X-Stainless-Custom-Poll-Interval", "X-Stainless-Helper-Method", "X-Stainless-Lang", "X-Stainless-Os", "X-Stainless-Package-Version",
        "X-Stainless-Poll-Helper", "X-Stainless-Retry-Count", "X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Timeout",
        "X-Stainless-Helper", "OpenAI-Organization", "OpenAI-Project",
        "X-Api-Key", "Anthropic-Version", "Anthropic-Beta", "Anthropic-Dangerous-Direct-Browser-Access",
        "Cache-Control", "Traceparent", "Tracestate", TraceHeaders.RequestId,
        DispatchEndpoint.NodeHeader, DispatchEndpoint.ExplainHeader, QueueHeaders.Priority, QueueHeaders.MaxWait, QueueHeaders.Progress, QueueHeaders.Continue,
        SessionHeaders.Session, SessionHeaders.Version, "If-Match", "Last-Event-ID", ResumeHeaders.Resume, "Range",
    ];

    private static readonly string[] _read =
    [
        "Retry-After", "X-Should-Retry", "Age", "WWW-Authenticate", TraceHeaders.RequestId, AnthropicId.Header,
        .. from what in (string[])["Requests", "Tokens"] from figure in (string[])["Limit", "Remaining", "Reset"] select $"X-RateLimit-{figure}-{what}",
        .. from what in (string[])["Requests", "Tokens"] from figure in (string[])["Limit", "Remaining", "Reset"] select $"Anthropic-RateLimit-{what}-{figure}",
        DispatchEndpoint.NodeHeader, DispatchEndpoint.RouteHeader, QueueHeaders.Wait, QueueHeaders.Position, QueueHeaders.ExpectedWait, OptionChange.HeaderName,
        GenerationAnswer.TruncatedHeader, PassedOverHeader.Name, CountTokensEndpoint.EstimatedHeader, GenerationSharing.SharedHeader,
            CacheHeaders.Name,
        SessionHeaders.Session, SessionHeaders.Version, SessionHeaders.Omitted, "ETag", ResumeHeaders.Generation, ResumeHeaders.Offset,
    ];

    /// <summary>The value of <c>Access-Control-Allow-Headers</c>.</summary>
    public static string Sent { get; } = string.Join(',', _sent);

    /// <summary>The value of <c>Access-Control-Expose-Headers</c>.</summary>
    public static string Read { get; } = string.Join(',', _read);
}
