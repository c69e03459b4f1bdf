using System.Diagnostics;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>Whoever gets a token on each tick.</summary>
internal interface IPaced
{
    /// <summary>Takes a token; must not wait.</summary>
    /// <returns>Whether it wants another.</returns>
    bool Tick();
}

/// <summary>Hands all streams a token every 20 ms, from one thread: as an engine decodes them, in one batch.</summary>
internal sealed class NodePace
{
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private readonly List<IPaced> _streams = [];

    public NodePace() => new Thread(Run) { IsBackground = true, Name = "decode" }.Start();

    public void Add(IPaced stream)
    {
        lock (_gate)
            _streams.Add(stream);
    }

    private void Run()
    {
        var clock = Stopwatch.StartNew();
        for (var step = 1L; ; step++)
        {
            var wait = (step * _tick) - clock.Elapsed;
            if (wait > TimeSpan.Zero)
                // A thread of its own, as an engine decodes on one.
                Thread.Sleep(wait);
            lock (_gate)
                _streams.RemoveAll(stream => !stream.Tick());
        }
    }
}
