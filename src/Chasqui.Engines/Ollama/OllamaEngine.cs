using System.Runtime.CompilerServices;
using Chasqui.Engines.Http;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.Ollama;

/// <summary>The models of an Ollama node, by their types. What Ollama's API cannot say is refused by name.</summary>
public sealed class OllamaEngine : IEngine, IModelManager
{
    // 1,000 vectors of 8,192 components, written out.
    private const int EmbeddingBound = 128 << 20;

    private readonly NodeHttp _http;
    private readonly OllamaManager _manager;
    private readonly Action _nameless;

    internal OllamaEngine(NodeHttp http, Action nameless)
    {
        _http = http;
        _manager = new OllamaManager(http);
        _nameless = nameless;
    }

    /// <inheritdoc/>
    public string Name => _http.Name;

    /// <summary>Whether the node has said that it is a Chasqui, which understands more than Ollama.</summary>
    internal bool IsChasqui { get; set; }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.SoFar is { } soFar
            ? request.Raw ? ContinuedChat.Join(soFar, GenerateAsync(ContinuedChat.Of(request), cancellationToken), cancellationToken) : ChatAsync(ContinuedChat.AsChat(request), cancellationToken)
            : StreamAsync("/api/generate", request, () => OllamaRequests.Generate(request, IsChasqui), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.SoFar is { } soFar
            ? ContinuedChat.Join(soFar, ChatAsync(ContinuedChat.Of(request), cancellationToken), cancellationToken)
            : request.ToolChoice is { IsForced: true }
            ? ForcedCall.HoldAsync(request, asked => StreamAsync("/api/chat", asked, () => OllamaRequests.Chat(asked, IsChasqui), cancellationToken))
            : SingleCall.Of(StreamAsync("/api/chat", request, () => OllamaRequests.Chat(request, IsChasqui), cancellationToken), request.ToolChoice);
    }

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Count == 0)
            return new EmbedResult { Vectors = [] };
        var call = Post("/api/embed", request.Model, OllamaRequests.Embed(request)) with { Bound = EmbeddingBound };
        var result = await _http.AskAsync(call, OllamaAnswers.Embed, cancellationToken).ConfigureAwait(false);
        return result.Vectors.Count == request.Inputs.Count
            ? result
            : throw new EngineFailedException($"node '{Name}' answered {request.Inputs.Count} texts with {result.Vectors.Count} vectors");
    }

    /// <summary>Ollama's API has no such operation.</summary>
    /// <exception cref="UnsupportedCapabilityException">Always.</exception>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Task.FromException<IReadOnlyList<int>>(new UnsupportedCapabilityException(request.Model, $"tokenize at node '{Name}', because Ollama's API has no such operation"));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        _http.AskAsync(_http.Get("/api/tags"), json => OllamaModels.List(json, _nameless), cancellationToken);

    /// <summary>Everything that the node tells of one model. Long arrays of the metadata, such as the vocabulary, are null.</summary>
    /// <inheritdoc/>
    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default)
    {
        var listing = ListAsync(cancellationToken);
        var asking = _http.AskAsync(
            Post("/api/show", model, OllamaRequests.Named(model)) with { Limits = _http.Asking },
            json => OllamaModels.Description(json, new ModelSummary { Name = model, Digest = "", Details = new ModelDetails() }), cancellationToken);
        await Task.WhenAll(asking, listing).ConfigureAwait(false);
        var (shown, models) = (await asking.ConfigureAwait(false), await listing.ConfigureAwait(false));
        if (models.FirstOrDefault(m => OllamaModels.SameName(m.Name, model)) is not { } listed)
            return shown;
        return shown with
        {
            Summary = shown.Summary with
            {
                Name = listed.Name,
                Digest = listed.Digest,
                SizeBytes = listed.SizeBytes,
                Details = shown.Summary.Details with
                {
                    ContextLength = Known(shown.Summary.Details.ContextLength, listed.Details.ContextLength),
                    EmbeddingLength = Known(shown.Summary.Details.EmbeddingLength, listed.Details.EmbeddingLength),
                },
            },
        };
    }

    /// <inheritdoc/>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.KeepAlive == TimeSpan.Zero)
            throw new InvalidRequestException("Ollama's API takes a load with a keep_alive of 0 for a request to unload; give a longer one");
        var start = _http.Time.GetTimestamp();
        try
        {
            await _http.TellAsync(Post("/api/generate", request.Model, OllamaRequests.Load(request)), cancellationToken).ConfigureAwait(false);
        }
        catch (UnsupportedCapabilityException)
        {
            // A model that only makes vectors is loaded by asking for none.
            await _http.TellAsync(Post("/api/embed", request.Model, OllamaRequests.LoadForEmbedding(request)), cancellationToken).ConfigureAwait(false);
        }

        var took = _http.Time.GetElapsedTime(start);
        var resident = await ListResidentAsync(cancellationToken).ConfigureAwait(false);
        if (resident.FirstOrDefault(m => OllamaModels.SameName(m.Summary.Name, request.Model)) is { } model)
            return model with { LoadDuration = took };
        // Two names of the same weights share one place in memory, which is listed under the name that came first.
        var models = await ListAsync(cancellationToken).ConfigureAwait(false);
        return new ResidentModel
        {
            Summary = models.FirstOrDefault(m => OllamaModels.SameName(m.Name, request.Model)) ?? throw new ModelNotFoundException(request.Model, []),
            LoadDuration = took,
        };
    }

    /// <inheritdoc/>
    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default)
    {
        var resident = await ListResidentAsync(cancellationToken).ConfigureAwait(false);
        await _http.TellAsync(Post("/api/generate", model, OllamaRequests.Unload(model)), cancellationToken).ConfigureAwait(false);
        return resident.Any(m => OllamaModels.SameName(m.Summary.Name, model));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        _http.AskAsync(_http.Get("/api/ps"), json => OllamaModels.Resident(json, _nameless), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default) => _manager.PullAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default) => _manager.PushAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default) => _manager.CreateAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default) => _manager.CopyAsync(source, destination, cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(string model, CancellationToken cancellationToken = default) => _manager.DeleteAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default) => _manager.HasBlobAsync(digest, cancellationToken);

    /// <inheritdoc/>
    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default) => _manager.WriteBlobAsync(digest, content, cancellationToken);

    /// <summary>Closes the connections to the node.</summary>
    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private static int Known(int a, int b) => a > 0 ? a : b;

    private HttpCall Post(string path, string model, ReadOnlyMemory<byte> body) => string.IsNullOrEmpty(model)
        ? throw new InvalidModelNameException(model ?? "")
        : new() { Method = HttpMethod.Post, Path = path, Body = body, Model = model, Limits = _http.Computing };

    private async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        string path, GenerationRequest request, Func<ReadOnlyMemory<byte>> body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reply = await _http.SendAsync(Post(path, request.Model, body()), cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            reply.EnsureType(HttpCall.Ndjson, HttpCall.Json);
            var ended = false;
            try
            {
                while (!ended && await reply.ReadLineAsync().ConfigureAwait(false))
                {
                    var update = reply.Decode(reply.Current, line => OllamaAnswers.Update(line, request.Model));
                    ended = update.Result is not null;
                    yield return update;
                }
            }
            finally
            {
                // The reader may leave with the last update in hand; the connection is still worth keeping.
                if (ended)
                    await reply.DrainAsync().ConfigureAwait(false);
            }

            if (!ended)
                throw new EngineFailedException($"node '{Name}' ended its answer without a last line that says done; Ollama does so when a model repeats itself without end");
        }
    }
}
