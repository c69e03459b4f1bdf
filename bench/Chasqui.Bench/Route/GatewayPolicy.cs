using Chasqui.Gateway;
using Chasqui.Gateway.Routing;

namespace Chasqui.Bench.Route;

/// <summary>The product's own choice (<see cref="RouteChoice"/>), fed with what a gateway would know of the simulated nodes.</summary>
internal sealed class GatewayPolicy(int nodes, Random random) : IRoutePolicy
{
    // What a gateway learns from its nodes' answers; here it is known at once.
    private const double PromptTokensPerSecond = 20_000;
    private const int Slots = 1_000;

    private readonly PrefixIndex[] _prefixes = [.. Enumerable.Range(0, nodes).Select(_ => new PrefixIndex())];
    private readonly int[] _inFlight = new int[nodes];
    private readonly long[] _pending = new long[nodes];
    private readonly Dictionary<RouteRequest, int> _cold = new(ReferenceEqualityComparer.Instance);

    public int Choose(RouteRequest request, TimeSpan now)
    {
        Span<RouteCandidate> candidates = new RouteCandidate[nodes];
        for (var i = 0; i < nodes; i++)
        {
            candidates[i] = new RouteCandidate
            {
                Index = i,
                InFlight = _inFlight[i],
                Slots = Slots,
                Weight = 1,
                ServiceSeconds = 1,
                PromptTokensPerSecond = PromptTokensPerSecond,
                PendingTokens = _pending[i],
                WarmTokens = Math.Min(request.InputTokens, _prefixes[i].Match(request.Blocks) * SimulatedNode.BlockTokens),
            };
        }
        var node = RouteChoice.Choose(candidates, request.InputTokens, random, out var reason);
        _prefixes[node].Touch(request.Blocks);
        _inFlight[node]++;
        _pending[node] += _cold[request] = Math.Max(0, request.InputTokens - reason.WarmTokens);
        return node;
    }

    public void FirstToken(int node, RouteRequest request, TimeSpan now)
    {
        if (_cold.Remove(request, out var cold))
            _pending[node] -= cold;
    }

    public void Finished(int node, RouteRequest request, TimeSpan now) => _inFlight[node]--;
}
