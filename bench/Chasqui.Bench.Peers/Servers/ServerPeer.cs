using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>A server that is measured.</summary>
internal interface IServerPeer : IAsyncDisposable
{
    /// <summary>Its sockets.</summary>
    SocketTable Sockets { get; }

    /// <returns>The port it listens on, of 127.0.0.1.</returns>
    Task<int> StartAsync();
}

/// <summary>Runs a server until the parent is gone.</summary>
internal static class ServerPeer
{
    public static async Task<int> RunAsync(string kind, int backend, Control control)
    {
        await using var server = Create(kind, backend);
        var port = await server.StartAsync();
        await control.SayAsync(new PeerAnswer { Port = port });
        await control.RunAsync(command =>
        {
            if (command.Verb == PeerVerb.Collect)
            {
                // Aggressive: what is free goes back to the system, so that what remains is what the connections need.
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }
            return Task.FromResult(new PeerAnswer { Bytes = server.Sockets.Sent(), Operations = server.Sockets.Count });
        });
        // What is still open is of no interest to anyone.
        Environment.Exit(0);
        return 0;
    }

    private static IServerPeer Create(string kind, int backend) => kind switch
    {
        "mcp" or "mcp-plain" => new KestrelPeer(new MessageServer()),
        "grpc" => new KestrelPeer(new GrpcServer()),
        "http1-json" or "ndjson" or "sse" => new KestrelPeer(new HttpServer(http2: false)),
        "http2-json" => new KestrelPeer(new HttpServer(http2: true)),
        "node" => new NodeServer(),
        "node-mcp" => new KestrelPeer(new NodeMessageServer()),
        "yarp" => new KestrelPeer(new YarpServer(backend)),
        "fixed-cost" => new KestrelPeer(new FixedCostServer()),
        "floor" => new FloorServer(),
        _ => throw new ArgumentException($"there is no server '{kind}'", nameof(kind)),
    };
}
