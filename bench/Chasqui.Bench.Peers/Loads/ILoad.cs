using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>A load on a server: warmed up once, measured once or more, disposed.</summary>
internal interface ILoad : IAsyncDisposable
{
    /// <summary>Opens what is needed and runs for a while, so that the just-in-time compiler has done its work.</summary>
    Task PrepareAsync(double seconds);

    /// <summary>Measures.</summary>
    Task<PeerAnswer> RunAsync(double seconds);
}
