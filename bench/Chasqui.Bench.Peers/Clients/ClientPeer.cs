using Chasqui.Bench.Peers.Loads;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>A client that is measured.</summary>
internal interface IClientPeer : IAsyncDisposable
{
    /// <summary>Opens connections; a peer whose own pool decides opens them as it needs them.</summary>
    Task ConnectAsync(int connections);

    /// <summary>One who calls on a connection, again and again, never twice at a time.</summary>
    IUnaryCaller Caller(int connection);

    /// <summary>Reads one stream to its end.</summary>
    /// <param name="connection">On which.</param>
    /// <param name="tokens">How many are asked for; 0 for the common pace, without end.</param>
    /// <param name="counter">Told of each token.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken);
}

/// <summary>Sends a body and takes back the same.</summary>
internal interface IUnaryCaller
{
    /// <returns>Bytes of the body that came back.</returns>
    ValueTask<int> CallAsync();
}

/// <summary>Runs a client until the parent is gone.</summary>
internal static class ClientPeer
{
    public static async Task<int> RunAsync(string kind, int port, Control control)
    {
        ILoad? load = null;
        await control.RunAsync(async command =>
        {
            switch (command.Verb)
            {
                case PeerVerb.Prepare:
                    load = CreateLoad(kind, port, command.Load!);
                    await load.PrepareAsync(command.Seconds);
                    return new PeerAnswer();
                case PeerVerb.Run when load is not null:
                    return await load.RunAsync(command.Seconds);
                case PeerVerb.Rest when load is not null:
                    await load.DisposeAsync();
                    load = null;
                    return new PeerAnswer();
                default:
                    throw new InvalidOperationException($"a client does not know {command.Verb} now");
            }
        });
        Environment.Exit(0);
        return 0;
    }

    private static ILoad CreateLoad(string kind, int port, PeerLoad load) => (kind, load.Shape) switch
    {
        ("floor", LoadShape.Unary) => new FloorLoad(port, load),
        ("node", LoadShape.Unary) => new NodeUnaryLoad(load.Port, load),
        ("embed" or "same", LoadShape.Unary) => new UnaryLoad(new EmbedClient(load.Port, distinct: kind == "embed"), load),
        (_, LoadShape.Unary) => new UnaryLoad(CreateClient(kind, port), load),
        ("node", LoadShape.PacedStream) => new StreamLoad(new NodeClient(load.Port), load),
        ("node-mcp", LoadShape.PacedStream) => new StreamLoad(new NodeMessageClient(load.Port), load),
        (_, LoadShape.FreeStream or LoadShape.PacedStream) => new StreamLoad(CreateClient(kind, port), load),
        ("mcp", LoadShape.Idle) => new IdleLoad(new MessageDialer(port), load),
        (_, LoadShape.Idle) => new IdleLoad(new HttpDialer(port), load),
        _ => throw new ArgumentOutOfRangeException(nameof(load)),
    };

    private static IClientPeer CreateClient(string kind, int port) => kind switch
    {
        "mcp" or "mcp-plain" => new MessageClient(port),
        "grpc" => new GrpcClient(port),
        "http1-json" => new JsonClient(port, http2: false),
        "http2-json" => new JsonClient(port, http2: true),
        "ndjson" => new HttpStreamClient(port, ollama: true),
        "sse" => new HttpStreamClient(port, ollama: false),
        _ => throw new ArgumentException($"there is no client '{kind}'", nameof(kind)),
    };
}
