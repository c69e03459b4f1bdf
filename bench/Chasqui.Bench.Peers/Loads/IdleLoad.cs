using System.Net;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>Opens a connection that then says nothing.</summary>
internal interface IIdleDialer
{
    /// <param name="from">The client's address, so that one address's ports suffice.</param>
    Task<IAsyncDisposable> DialAsync(IPAddress from);
}

/// <summary>Many connections that do nothing.</summary>
internal sealed class IdleLoad(IIdleDialer dialer, PeerLoad load) : ILoad
{
    private const int Dialing = 64;
    private const int PerAddress = 5000;

    private readonly List<IAsyncDisposable> _open = [];

    public async Task PrepareAsync(double seconds)
    {
        await OpenAsync(Math.Min(500, load.Connections));
        await CloseAsync();
    }

    public async Task<PeerAnswer> RunAsync(double seconds)
    {
        await OpenAsync(load.Connections);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        return new PeerAnswer { Operations = _open.Count, Seconds = seconds };
    }

    public async ValueTask DisposeAsync() => await CloseAsync();

    private Task OpenAsync(int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = Dialing },
        async (i, _) =>
        {
            var connection = await dialer.DialAsync(new IPAddress([127, 0, 0, (byte)(2 + (i / PerAddress))]));
            lock (_open)
                _open.Add(connection);
        });

    private async Task CloseAsync()
    {
        await Parallel.ForEachAsync(_open, new ParallelOptions { MaxDegreeOfParallelism = Dialing }, async (c, _) => await c.DisposeAsync());
        _open.Clear();
    }
}
