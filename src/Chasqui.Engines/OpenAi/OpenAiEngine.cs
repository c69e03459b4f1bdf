using System.Runtime.CompilerServices;
using System.Text.Json;
using Chasqui.Engines.Http;
using Chasqui.Engines.Models;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>The models of a server that speaks OpenAI's API, by their types. What the server cannot do is refused by name.</summary>
public sealed class OpenAiEngine : IEngine
{
    private const int EmbeddingBound = 128 << 20;

    private readonly NodeHttp _http;
    private readonly Action _nameless;
    private OpenAiServer? _server;
    private volatile bool _refusesCount;
    private LlamaCppProperties? _properties;

    internal OpenAiEngine(NodeHttp http, Action nameless)
    {
        _http = http;
        _nameless = nameless;
    }

    /// <inheritdoc/>
    public string Name => _http.Name;

    /// <inheritdoc/>
    public async IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var requests = await RequestsAsync(cancellationToken).ConfigureAwait(false);
        var isCompletion = requests.IsCompletion(request);
        var updates = isCompletion && request.SoFar is { } soFar
            ? ContinuedChat.Join(soFar, GenerateAsync(ContinuedChat.Of(request), cancellationToken), cancellationToken)
            : isCompletion
            ? StreamAsync("/v1/completions", request, requests, asked => asked.Completion(request), cancellationToken)
            : AnswerAsync(OpenAiRequests.AsChat(request), requests, cancellationToken);
        await foreach (var update in updates.ConfigureAwait(false))
            yield return update;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var requests = await RequestsAsync(cancellationToken).ConfigureAwait(false);
        var updates = request.ToolChoice is { IsForced: true } && !request.RenderOnly && request.SoFar is null
            ? await CalledAsync(request, requests, cancellationToken).ConfigureAwait(false)
            : SingleCall.Of(AnswerAsync(request, requests, cancellationToken), request.ToolChoice);
        await foreach (var update in updates.ConfigureAwait(false))
            yield return update;
    }

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Count == 0)
            return new EmbedResult { Vectors = [] };
        var start = _http.Time.GetTimestamp();
        var requests = await RequestsAsync(cancellationToken).ConfigureAwait(false);
        var call = Post("/v1/embeddings", request.Model, requests.Embed(request)) with { Bound = EmbeddingBound };
        var result = await _http.AskAsync(call, json => OpenAiEmbeddings.Read(json, request), cancellationToken).ConfigureAwait(false);
        return result with { TotalDuration = _http.Time.GetElapsedTime(start) };
    }

    /// <summary>Turns a text into token ids, where the server is llama.cpp's or vLLM; the latter reads the names of control tokens always.</summary>
    /// <inheritdoc/>
    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var server = await KnownAsync(cancellationToken).ConfigureAwait(false);
        if (server.Kind is not (OpenAiServerKind.LlamaCpp or OpenAiServerKind.Vllm))
            throw new UnsupportedCapabilityException(request.Model, $"tokenize at node '{Name}' ({server.Product})");
        var call = Post("/tokenize", request.Model, new OpenAiRequests(server, Name).Tokenize(request)) with { Limits = _http.Asking };
        return await _http.AskAsync<IReadOnlyList<int>>(
            call, json => [.. json.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())], cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await AskServerAsync(cancellationToken).ConfigureAwait(false)).Models.Select(m => m.Summary)];

    /// <summary>What the server tells of one model: its place in the list and, at llama.cpp's server, what it can do, its template and its context.</summary>
    /// <inheritdoc/>
    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default)
    {
        var server = await AskServerAsync(cancellationToken).ConfigureAwait(false);
        var found = Find(server, model);
        return OpenAiModels.Description(found, await PropertiesAsync(server, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Does nothing where the server has the model in memory: it decides that itself.</summary>
    /// <exception cref="ModelNotFoundException">It serves no such model.</exception>
    /// <exception cref="UnsupportedCapabilityException">It lists the model, but has not loaded it.</exception>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var server = await AskServerAsync(cancellationToken).ConfigureAwait(false);
        var model = Find(server, request.Model);
        OpenAiOptions.Check(request.Options, request.KeepAlive, server, Name);
        return model.IsLoaded
            ? Resident(model, null)
            : throw new UnsupportedCapabilityException(request.Model, $"load at node '{Name}' ({server.Product}), which loads a model with its first request");
    }

    /// <summary>Does nothing: what such a server serves stays in its memory.</summary>
    /// <returns>False.</returns>
    /// <exception cref="ModelNotFoundException">It serves no such model.</exception>
    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default)
    {
        Find(await AskServerAsync(cancellationToken).ConfigureAwait(false), model);
        RequestContext.Current?.PassOver("keep_alive");
        return false;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default)
    {
        var server = await AskServerAsync(cancellationToken).ConfigureAwait(false);
        return Resident(server, await PropertiesAsync(server, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Closes the connections to the node.</summary>
    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Asks what the server is and serves.</summary>
    internal async Task<OpenAiServer> AskServerAsync(CancellationToken cancellationToken)
    {
        var server = await _http.AskAsync(_http.Get("/v1/models"), json => OpenAiModels.Server(json, _nameless), cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _server, server);
        return server;
    }

    /// <summary>llama.cpp's own words; null where it is another server.</summary>
    internal async Task<LlamaCppProperties?> PropertiesAsync(OpenAiServer server, CancellationToken cancellationToken)
    {
        if (server.Kind != OpenAiServerKind.LlamaCpp)
            return null;
        var properties = await TryAskAsync("/props", OpenAiModels.Properties, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _properties, properties);
        return properties;
    }

    /// <summary>An answer that a server need not give.</summary>
    /// <returns>Null where it has no such path, or has switched it off.</returns>
    internal async Task<T?> TryAskAsync<T>(string path, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.AskAsync(_http.Get(path), read, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is UnsupportedCapabilityException or InvalidRequestException or ModelNotFoundException)
        {
            return default;
        }
    }

    /// <summary>The models in memory.</summary>
    internal static IReadOnlyList<ResidentModel> Resident(OpenAiServer server, LlamaCppProperties? properties) =>
        [.. server.Models.Where(m => m.IsLoaded).Select(m => Resident(m, properties))];

    private static ResidentModel Resident(OpenAiModel model, LlamaCppProperties? properties) => new()
    {
        Summary = model.Summary,
        SizeBytes = model.Summary.SizeBytes,
        ContextLength = model.ContextLength > 0 ? model.ContextLength : properties?.ContextLength ?? 0,
        Slots = properties?.Slots ?? 0,
        ExpiresAt = DateTimeOffset.MaxValue,
    };

    private static OpenAiModel Find(OpenAiServer server, string model) =>
        server.Find(model) ?? throw new ModelNotFoundException(
            model, ModelName.TryParse(model, out var name) ? NearestNames.Of(name, server.Models.Select(m => m.Summary.Name)) : []);

    // Which words a server understands is learned once, and again with every report.
    private async ValueTask<OpenAiServer> KnownAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _server) is { Models.Count: > 0 } known ? known : await AskServerAsync(cancellationToken).ConfigureAwait(false);

    private async ValueTask<OpenAiRequests> RequestsAsync(CancellationToken cancellationToken) =>
        new(await KnownAsync(cancellationToken).ConfigureAwait(false), Name, countsTokens: !_refusesCount);

    private HttpCall Post(string path, string model, ReadOnlyMemory<byte> body) => string.IsNullOrEmpty(model)
        ? throw new InvalidModelNameException(model ?? "")
        : new() { Method = HttpMethod.Post, Path = path, Body = body, Model = model, Limits = _http.Computing };

    /// <summary>An answer that calls a tool: servers that are known not to listen are held to it, the others are asked, and held to it where they do not.</summary>
    private async ValueTask<IAsyncEnumerable<GenerationUpdate>> CalledAsync(ChatRequest request, OpenAiRequests requests, CancellationToken cancellationToken)
    {
        var server = await KnownAsync(cancellationToken).ConfigureAwait(false);
        // A second language of Ollama's has no word for it.
        if (server.Kind == OpenAiServerKind.Ollama)
            return ForcedCall.HoldAsync(request, Answer);
        var properties = Volatile.Read(ref _properties) ?? await PropertiesAsync(server, cancellationToken).ConfigureAwait(false);
        return properties is { KnowsTools: false } ? ForcedCall.HoldInWordsAsync(request, Answer) : DemandedCall.AskAsync(request, Answer, cancellationToken);

        IAsyncEnumerable<GenerationUpdate> Answer(ChatRequest asked) => AnswerAsync(asked, requests, cancellationToken);
    }

    private IAsyncEnumerable<GenerationUpdate> AnswerAsync(ChatRequest request, OpenAiRequests requests, CancellationToken cancellationToken) => request.RenderOnly
        ? RenderAsync(request, requests.Render(request), cancellationToken)
        : request.SoFar is { } soFar
        ? ContinuedChat.Join(
            soFar, StreamAsync("/v1/chat/completions", request, requests, asked => asked.Chat(ContinuedChat.Of(request), goesOn: true), cancellationToken), cancellationToken)
        : StreamAsync("/v1/chat/completions", request, requests, asked => asked.Chat(request), cancellationToken);

    private async IAsyncEnumerable<GenerationUpdate> RenderAsync(
        ChatRequest request, ReadOnlyMemory<byte> body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var call = Post("/apply-template", request.Model, body) with { Limits = _http.Asking };
        var prompt = await _http.AskAsync(call, json => json.GetProperty("prompt").GetString(), cancellationToken).ConfigureAwait(false);
        yield return new GenerationUpdate { RenderedPrompt = prompt ?? "", Result = new GenerationResult { Reason = FinishReason.Stop } };
    }

    /// <summary>Sends a request, and once more without the wish for a count where an old server refuses to be asked: it has refused it before it did anything.</summary>
    private async Task<HttpReply> OpenAsync(
        string path, GenerationRequest request, OpenAiRequests requests, Func<OpenAiRequests, ReadOnlyMemory<byte>> body, CancellationToken cancellationToken)
    {
        var reply = await _http.SendAsync(Post(path, request.Model, body(requests)), cancellationToken).ConfigureAwait(false);
        try
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            return reply;
        }
        catch (EngineException e) when (requests.CountsTokens && e is InvalidRequestException or UnsupportedCapabilityException && NamesCount(e.Message))
        {
            await reply.DisposeAsync().ConfigureAwait(false);
        }
        catch
        {
            await reply.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var again = await OpenAsync(path, request, requests.WithoutCount(), body, cancellationToken).ConfigureAwait(false);
        _refusesCount = true;
        return again;
    }

    private static bool NamesCount(string message) => message.Contains("stream_options", StringComparison.Ordinal) || message.Contains("include_usage", StringComparison.Ordinal);

    private async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        string path, GenerationRequest request, OpenAiRequests requests, Func<OpenAiRequests, ReadOnlyMemory<byte>> body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reply = await OpenAsync(path, request, requests, body, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            reply.EnsureType(HttpCall.EventStream);
            var stream = new OpenAiStream(request.Model, request.TopLogprobs);
            var (done, isGood) = (false, false);
            try
            {
                while (!done && await reply.ReadEventAsync(stream.IsFinished).ConfigureAwait(false))
                {
                    if (reply.Current.Span.SequenceEqual("[DONE]"u8))
                    {
                        done = true;
                        break;
                    }
                    var update = reply.Decode(reply.Current, chunk => stream.Read(chunk, reply.IsError, reply.Elapsed));
                    if (stream.HasBegun)
                        reply.Progress();
                    if (update is not null)
                        yield return update;
                    done = stream.IsComplete;
                }
                // Not every server ends with [DONE]; one that dies says no reason either. The same rule holds where a stream passes by unread.
                if (!stream.IsFinished)
                    throw new EngineFailedException($"node '{Name}' ended its answer before it said why it was over");
                var last = stream.End(reply.Elapsed);
                isGood = true;
                yield return last;
            }
            finally
            {
                if (done && isGood)
                    await reply.DrainAsync().ConfigureAwait(false);
            }
        }
    }
}
