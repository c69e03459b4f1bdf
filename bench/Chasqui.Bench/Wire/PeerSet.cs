namespace Chasqui.Bench.Wire;

/// <summary>The pairs of a scenario, started when they are first needed and kept for all rounds.</summary>
internal sealed class PeerSet : IDisposable
{
    private readonly Dictionary<string, PeerPair> _pairs = new(StringComparer.Ordinal);

    public async Task<PeerPair> GetAsync(string kind, CancellationToken cancellationToken)
    {
        if (!_pairs.TryGetValue(kind, out var pair))
            _pairs.Add(kind, pair = await PeerPair.StartAsync(kind, cancellationToken).ConfigureAwait(false));
        return pair;
    }

    public void Dispose()
    {
        foreach (var pair in _pairs.Values)
            pair.Dispose();
    }
}
