using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Proxy;

/// <summary>One measurement.</summary>
/// <param name="Rate">Requests or tokens a second.</param>
/// <param name="Cpu">Processor time of the proxy alone, microseconds a request or token; 0 where there is none.</param>
/// <param name="P50">Milliseconds within which half of the requests were answered; 0 for streams.</param>
/// <param name="P99">The same for 99 of 100.</param>
internal sealed record ProxySample(double Rate, double Cpu, double P50, double P99);

/// <summary>One thing to measure in each round.</summary>
/// <param name="Shape">The load.</param>
/// <param name="Proxy">Who stands between.</param>
/// <param name="OverMessages">Whether the client speaks MCP to it.</param>
internal sealed record ProxyStep(string Shape, Proxy Proxy, bool OverMessages)
{
    public const string C1 = "c1";
    public const string C64 = "c64";
    private const string Streams = "64 streams";

    public bool IsStream => Shape == Streams;

    /// <summary>What the client speaks, and what the backend.</summary>
    public string Path => OverMessages ? $"mcp-{Proxy.Upstream}" : Proxy.Path;

    /// <summary>The measurement's name after the figure's.</summary>
    public string Who => Proxy.Name != Proxy.Direct ? $"{Path} {Proxy.Name}" : OverMessages ? "mcp direct" : "direct";

    /// <summary>All there are, in the order of a round: shape by shape, so that what is compared is measured one after the other.</summary>
    public static IReadOnlyList<ProxyStep> All(ProxySet set) =>
    [
        .. new[] { C1, C64, Streams }.SelectMany(shape => set.All.Where(proxy => proxy.Port != 0).Select(proxy => new ProxyStep(shape, proxy, false))),
        .. set.All.Where(proxy => proxy.MessagePort != 0).Select(proxy => new ProxyStep(Streams, proxy, true)),
    ];

    public async Task<ProxySample> MeasureAsync(ProxySet set, double warmUp, double seconds, CancellationToken cancellationToken)
    {
        var client = OverMessages ? set.MessageClient : set.Client;
        var load = new PeerLoad(
            IsStream ? LoadShape.PacedStream : LoadShape.Unary, 1, Shape == C1 ? 1 : 64, OverMessages ? Proxy.MessagePort : Proxy.Port);
        await client.AskAsync(new PeerCommand(PeerVerb.Prepare, load, warmUp), cancellationToken).ConfigureAwait(false);
        var before = Time();
        var answer = await client.AskAsync(new PeerCommand(PeerVerb.Run, Seconds: seconds), cancellationToken).ConfigureAwait(false);
        var cpu = Time() - before;
        await client.AskAsync(new PeerCommand(PeerVerb.Rest), cancellationToken).ConfigureAwait(false);
        if (answer.Operations == 0)
            throw new IOException($"{this}: nothing was answered while it was measured");
        return new ProxySample(answer.Operations / answer.Seconds, cpu.TotalMicroseconds / answer.Operations, answer.P50, answer.P99);
    }

    public override string ToString() => $"{Shape}, {Who}";

    private TimeSpan Time() => Proxy.Process == 0 ? TimeSpan.Zero : ProcessTime.Of(Proxy.Process);
}
