using System.Diagnostics;
using Chasqui.Bench.Peers.Clients;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>Streams that flow from the warming up to the end; what is measured is the middle.</summary>
internal sealed class StreamLoad(IClientPeer client, PeerLoad load) : ILoad
{
    // Seconds that the slowest stream may need to begin.
    private const int Patience = 10;

    private readonly CancellationTokenSource _stop = new();
    private TokenCounter[] _counters = [];
    private Task _streams = Task.CompletedTask;

    public async Task PrepareAsync(double seconds)
    {
        await client.ConnectAsync(load.Connections);
        _counters = [.. Enumerable.Range(0, load.Connections * load.InFlight).Select(_ => new TokenCounter())];
        _streams = Task.WhenAll(_counters.Select((counter, i) => Task.Run(() => ReadAsync(i % load.Connections, counter))));
        await WaitAsync(seconds);
        for (var waited = 0; waited < Patience && _counters.Any(c => c.Count == 0); waited++)
            await WaitAsync(1);
        // A limit of somebody's that lets only some of them run would flatter or shame the figure.
        if (_counters.Count(c => c.Count == 0) is > 0 and var silent)
            throw new InvalidOperationException($"{silent} of {_counters.Length} streams got nothing while warming up");
    }

    public async Task<PeerAnswer> RunAsync(double seconds)
    {
        var begin = Stopwatch.GetTimestamp();
        var before = _counters.Sum(c => c.Count);
        await WaitAsync(seconds);
        var after = _counters.Sum(c => c.Count);
        return new PeerAnswer { Operations = after - before, Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds };
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _streams;
        }
        finally
        {
            await client.DisposeAsync();
            _stop.Dispose();
        }
    }

    /// <summary>Waits, and fails at once if a stream does.</summary>
    private async Task WaitAsync(double seconds)
    {
        if (await Task.WhenAny(_streams, Task.Delay(TimeSpan.FromSeconds(seconds))) == _streams)
            await _streams;
    }

    private async Task ReadAsync(int connection, TokenCounter counter)
    {
        var tokens = load.Shape == LoadShape.FreeStream ? Payload.FreeTokens : 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await client.StreamAsync(connection, tokens, counter, _stop.Token);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                // Each peer says in its own way that it was cancelled.
                return;
            }
        }
    }
}
