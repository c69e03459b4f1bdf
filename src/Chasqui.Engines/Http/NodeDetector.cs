using System.Text.Json;
using Chasqui.Engines.Ollama;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Http;

/// <summary>Which API a server at an address of HTTP speaks.</summary>
public enum DetectedNode
{
    /// <summary>None that is known.</summary>
    Unknown,

    /// <summary>Ollama's: make an <see cref="OllamaNode"/>.</summary>
    Ollama,

    /// <summary>OpenAI's: make an <see cref="OpenAi.OpenAiNode"/>.</summary>
    OpenAi,

    /// <summary>All of Chasqui's: make an <see cref="OllamaNode"/>, which sees what more there is.</summary>
    Chasqui,
}

/// <summary>Finds out what a server is.</summary>
public static class NodeDetector
{
    /// <summary>Asks <c>/api/version</c> and, where that is no Ollama's, <c>/v1/models</c>: one request each.</summary>
    /// <param name="options">Where it is; each request may take as long as <see cref="CallTimeouts.BetweenTokens"/>, but no longer than 10 seconds.</param>
    /// <param name="time">For the time-outs. Default: the system's.</param>
    /// <param name="logger">Where failures are told. Default: nowhere.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What it is; <see cref="DetectedNode.Unknown"/> for a server that answers, but as none of them.</returns>
    /// <exception cref="EngineUnavailableException">It cannot be reached, or refuses the key.</exception>
    /// <exception cref="EngineFailedException">It does not answer in time.</exception>
    public static async Task<DetectedNode> DetectAsync(
        HttpNodeOptions options, TimeProvider? time = null, ILogger? logger = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var longest = TimeSpan.FromSeconds(10);
        var patience = options.Timeouts.BetweenTokens < longest ? options.Timeouts.BetweenTokens : longest;
        var hasVersion = options.Address.AbsolutePath.TrimEnd('/').EndsWith("/v1", StringComparison.Ordinal);
        using var http = new NodeHttp(options with { Timeouts = options.Timeouts with { BetweenTokens = patience } }, time ?? TimeProvider.System, logger ?? NullLogger.Instance);
        if (!hasVersion && await AskAsync(http, "/api/version", (json, server) => json.Text("version") is { Length: > 0 } version
                ? new OllamaVersion(version, server).IsChasqui ? DetectedNode.Chasqui : DetectedNode.Ollama
                : DetectedNode.Unknown, cancellationToken).ConfigureAwait(false) is var found and not DetectedNode.Unknown)
        {
            return found;
        }
        return await AskAsync(http, hasVersion ? "/models" : "/v1/models", (json, _) => json.Get("data") is { ValueKind: JsonValueKind.Array } ? DetectedNode.OpenAi : DetectedNode.Unknown, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<DetectedNode> AskAsync(NodeHttp http, string path, Func<JsonElement, string, DetectedNode> read, CancellationToken cancellationToken)
    {
        var reply = await http.SendAsync(http.Get(path), cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            if (reply.Status is 401 or 403)
                await reply.EnsureSuccessAsync().ConfigureAwait(false);
            if (reply.Status != 200 || !reply.IsJson)
            {
                await reply.DrainAsync().ConfigureAwait(false);
                return DetectedNode.Unknown;
            }
            var server = reply.Server;
            return await reply.ReadJsonAsync(json => json.ValueKind == JsonValueKind.Object ? read(json, server) : DetectedNode.Unknown).ConfigureAwait(false);
        }
    }
}
