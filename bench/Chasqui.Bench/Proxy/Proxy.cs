using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Proxy;

/// <summary>Who stands between client and backend, with its process; without one, nobody does.</summary>
/// <param name="Name">In rows and ratios.</param>
/// <param name="Port">Where it takes HTTP.</param>
/// <param name="MessagePort">Where it takes MCP; 0 where it does not.</param>
/// <param name="Upstream">How it reaches its backend, <c>http</c> or <c>mcp</c>.</param>
/// <param name="Process">The system's name for its process, the parent of its workers; 0 where there is none.</param>
/// <param name="Running">Ends it.</param>
internal sealed record Proxy(string Name, int Port, int MessagePort, string Upstream, int Process, PeerProcess? Running) : IDisposable
{
    public const string Direct = "direct";
    public const string Nginx = "nginx";
    public const string HaProxy = "haproxy";
    public const string Yarp = "yarp";
    public const string Ours = "chasqui";

    /// <summary>The name of what it does with a request that comes by HTTP.</summary>
    public string Path => $"http-{Upstream}";

    public void Dispose() => Running?.Dispose();
}
