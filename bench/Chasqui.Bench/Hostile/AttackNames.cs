namespace Chasqui.Bench.Hostile;

/// <summary>The attacks that <c>chasqui-bench-peers attack</c> knows. Those whose name begins with <c>wire-</c> come over MCP/1, the others over HTTP.</summary>
internal static class AttackNames
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "slow-headers", "slow-bodies", "endless-bodies", "unfinished-bodies", "packed-bombs", "stalled-readers", "pipelining", "idle-connections", "connection-churn",
        "key-storm", "crowd", "broken-requests", "long-answers", "kept-generations", "session-flood", "event-readers", "deep-json", "templates", "grammars", "huge-lists",
        "strange-names", "strange-paths", "strange-pulls", "private-images", "huge-headers", "websocket-noise",
        "wire-crowd", "wire-stalled-readers", "wire-floods", "wire-resets", "wire-hellos", "wire-header-tables", "wire-http-bodies", "wire-unfinished-messages",
        "wire-subscriptions", "wire-kept-generations", "wire-noise",
    ];
}
