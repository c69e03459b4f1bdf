using Chasqui.Client;
using Chasqui.Engines.Http;
using Chasqui.Engines.Http1;
using Chasqui.Engines.Ollama;
using Chasqui.Engines.OpenAi;
using Chasqui.Engines.Remote;
using Chasqui.Gateway;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Makes the connection to a node, of the kind that it is.</summary>
internal sealed class NodeConnector(IEngine embedded, GatewayOptions options, GatewayTelemetry telemetry, TimeProvider time, ILoggerFactory loggers)
{
    private readonly ILogger _logger = loggers.CreateLogger("Chasqui.Nodes");

    public INodeConnection Connect(NodeOptions node)
    {
        if (node.Kind == NodeKind.Embedded)
            return new EmbeddedNode(embedded, options.Engine.Slots);
        return Uri.TryCreate(node.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? OverHttp(node, url) : OverWire(node);
    }

    private INodeConnection OverHttp(NodeOptions node, Uri url)
    {
        var http = new HttpNodeOptions
        {
            Address = url,
            Name = node.Name,
            ApiKey = node.ApiKey,
            Timeouts = new CallTimeouts
            {
                Connect = node.Timeouts.Connect,
                FirstToken = node.Timeouts.FirstToken,
                BetweenTokens = node.Timeouts.BetweenTokens,
                Total = node.Timeouts.Total,
            },
            Connections = new ConnectionLimits { IdleTime = node.Connections.IdleTime, Lifetime = node.Connections.Lifetime },
            SentAgain = () => telemetry.SentAgain(node.Name),
        };
        return node.Kind switch
        {
            NodeKind.Ollama or NodeKind.Chasqui => Ollama(),
            NodeKind.OpenAi => OpenAi(),
            _ => new DetectingNode(node.Name, async cancellationToken => await NodeDetector.DetectAsync(http, time, _logger, cancellationToken).ConfigureAwait(false) switch
            {
                DetectedNode.Ollama or DetectedNode.Chasqui => Ollama(),
                DetectedNode.OpenAi => OpenAi(),
                _ => null,
            }),
        };

        OllamaNode Ollama() => new(http, Passage(), time, _logger);
        OpenAiNode OpenAi() => new(http, Passage(), time, _logger);
        Http1Passage Passage() => new(Http1Options.Of(node.Name, url) with
        {
            ApiKey = node.ApiKey,
            ConnectTimeout = node.Timeouts.Connect,
            Connections = http.Connections,
            SentAgain = http.SentAgain,
            Time = time,
        });
    }

    private ChasquiNode OverWire(NodeOptions node)
    {
        // The gateway has its own way of trying again: elsewhere.
        var client = new ChasquiClient(
            new ChasquiClientOptions { Endpoint = node.Url, ApiKey = node.ApiKey, ConnectTimeout = node.Timeouts.Connect, ConnectAttempts = 1, Retries = 0 },
            loggers.CreateLogger<ChasquiClient>(), time);
        return new ChasquiNode(client, node.Name, new WirePassage(client));
    }
}
