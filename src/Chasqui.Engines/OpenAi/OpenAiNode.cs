using Chasqui.Engines.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.OpenAi;

/// <summary>A node that speaks OpenAI's API: llama.cpp's server, vLLM, LM Studio and their like.</summary>
public sealed class OpenAiNode : INodeConnection
{
    private readonly NodeHttp _http;
    private readonly OpenAiEngine _engine;
    private Known? _known;

    /// <summary>Makes one; connects when it is first used.</summary>
    /// <param name="options">Where it is, with or without <c>/v1</c> at the end, and how patient we are.</param>
    /// <param name="passage">Takes requests in its own languages; null for none. Disposed with the node where it can be.</param>
    /// <param name="time">For the time-outs. Default: the system's.</param>
    /// <param name="logger">Where failures are told. Default: nowhere.</param>
    public OpenAiNode(HttpNodeOptions options, IHttpPassage? passage = null, TimeProvider? time = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        logger ??= NullLogger.Instance;
        _http = new NodeHttp(options with { Address = WithoutVersion(options.Address) }, time ?? TimeProvider.System, logger);
        _engine = new OpenAiEngine(_http, () => NodeLog.Nameless(logger, _http.Name));
        Passage = passage;
    }

    /// <inheritdoc/>
    public IEngine Engine => _engine;

    /// <inheritdoc/>
    public IHttpPassage? Passage { get; }

    /// <inheritdoc/>
    public async Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        var server = await _engine.AskServerAsync(cancellationToken).ConfigureAwait(false);
        var isLlama = server.Kind == OpenAiServerKind.LlamaCpp;
        var asking = _engine.PropertiesAsync(server, cancellationToken);
        var counting = isLlama ? _engine.TryAskAsync<int?>("/slots", json => OpenAiModels.BusySlots(json), cancellationToken) : Task.FromResult<int?>(null);
        var version = server.Kind == OpenAiServerKind.Vllm ? _engine.TryAskAsync("/version", json => json.Text("version"), cancellationToken) : Task.FromResult<string?>(null);
        await Task.WhenAll(asking, counting, version).ConfigureAwait(false);
        var properties = await asking.ConfigureAwait(false);
        var software = $"{server.Product} {properties?.Build ?? await version.ConfigureAwait(false)}".TrimEnd();
        if (Volatile.Read(ref _known) is not { } known || known.Software != software)
            Volatile.Write(ref _known, known = new Known(software, await DialectsAsync(server.Kind, cancellationToken).ConfigureAwait(false)));
        return new NodeReport
        {
            Dialects = Passage is null ? Dialects.None : known.Dialects,
            Models = [.. server.Models.Select(m => m.Summary)],
            Resident = OpenAiEngine.Resident(server, properties),
            Slots = properties?.Slots,
            BusySlots = await counting.ConfigureAwait(false),
            Software = software,
            IgnoresRenderOnly = server.Kind != OpenAiServerKind.Ollama,
            IgnoresToolChoice = server.Kind == OpenAiServerKind.Ollama || properties is { KnowsTools: false },
            HoldsToolChoice = isLlama,
            Server = NodeServer.OpenAi,
        };
    }

    /// <summary>Closes its connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync().ConfigureAwait(false);
        if (Passage is IAsyncDisposable passage)
            await passage.DisposeAsync().ConfigureAwait(false);
        else
            (Passage as IDisposable)?.Dispose();
    }

    private static Uri WithoutVersion(Uri address)
    {
        var text = address.GetLeftPart(UriPartial.Path).TrimEnd('/');
        return text.EndsWith("/v1", StringComparison.Ordinal) ? new Uri(text[..^3]) : address;
    }

    // Asked once for each version that a server says it is.
    private async Task<Dialects> DialectsAsync(OpenAiServerKind kind, CancellationToken cancellationToken)
    {
        if (kind is not (OpenAiServerKind.LlamaCpp or OpenAiServerKind.Vllm))
            return Dialects.OpenAi;
        var responses = HasAsync(kind, "/v1/responses", cancellationToken);
        var messages = HasAsync(kind, "/v1/messages", cancellationToken);
        var counting = HasAsync(kind, "/v1/messages/count_tokens", cancellationToken);
        await Task.WhenAll(responses, messages, counting).ConfigureAwait(false);
        return Dialects.OpenAi
            | (await responses.ConfigureAwait(false) ? Dialects.OpenAiResponses : 0)
            | (await messages.ConfigureAwait(false) ? Dialects.Anthropic : 0)
            | (await counting.ConfigureAwait(false) ? Dialects.AnthropicCountTokens : 0);
    }

    // vLLM answers the wrong method with 405; llama.cpp with 404, so there an empty request is sent, which is refused before anything runs.
    private async Task<bool> HasAsync(OpenAiServerKind kind, string path, CancellationToken cancellationToken)
    {
        var isLlama = kind == OpenAiServerKind.LlamaCpp;
        var call = _http.Get(path) with { Method = isLlama ? HttpMethod.Post : HttpMethod.Get, Body = isLlama ? "{}"u8.ToArray() : default };
        var reply = await _http.SendAsync(call, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            var has = isLlama ? reply.Status is >= 400 and < 500 and not 404 and not 405 : reply.Status == 405;
            await reply.DrainAsync().ConfigureAwait(false);
            return has;
        }
    }

    private sealed record Known(string Software, Dialects Dialects);
}
