namespace Chasqui.Bench.Peers.Attacks;

/// <summary>The gateway that is attacked, and what those who attack it know.</summary>
/// <param name="HttpPort">Where it takes HTTP.</param>
/// <param name="Wire">Where it takes MCP/1, e.g. <c>tcp://127.0.0.1:11436</c> or <c>unix:/run/chasqui.sock</c>.</param>
/// <param name="Key">A key of the scope infer.</param>
/// <param name="ModelsKey">A key of the scopes infer and models.</param>
internal sealed record AttackTarget(int HttpPort, string Wire, string Key, string ModelsKey)
{
    public Uri Http { get; } = new(FormattableString.Invariant($"http://127.0.0.1:{HttpPort}"));

    /// <summary>Where MCP/1 comes over WebSocket.</summary>
    public string WebSocket { get; } = FormattableString.Invariant($"ws://127.0.0.1:{HttpPort}/ws");
}
