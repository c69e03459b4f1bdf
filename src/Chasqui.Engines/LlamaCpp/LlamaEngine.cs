using System.Runtime.CompilerServices;
using Chasqui.Engines.LlamaCpp.Decoding;
using Chasqui.Engines.LlamaCpp.Memory;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Prompts;
using Chasqui.Engines.LlamaCpp.Residency;
using Chasqui.Engines.LlamaCpp.Sampling;
using Chasqui.Engines.Models;
using Chasqui.Engines.Tools;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp;

/// <summary>Runs the GGUF models of a <see cref="ModelStore"/> in this process, through llama.cpp. Thread-safe.</summary>
/// <remarks>
/// Each resident model has one thread that decodes the requests of all callers together. A fault inside llama.cpp that it
/// cannot report ends the process; what is known to cause one is refused before it reaches the library.
/// </remarks>
public sealed class LlamaEngine : IEngine
{
    /// <summary>Characters of a text whose tokens are asked for.</summary>
    internal const int MostTokenized = 8 * 1024 * 1024;

    private readonly ModelStore _store;
    private readonly ModelResidency _residency;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly GenerationPlanner _planner;

    /// <summary>Makes an engine. The native libraries are loaded with the first model.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where the models are.</param>
    /// <param name="time">Clock for keep-alive and durations.</param>
    /// <param name="loggers">For the engine's and llama.cpp's logs.</param>
    public LlamaEngine(LlamaEngineOptions options, ModelStore store, TimeProvider time, ILoggerFactory loggers)
        : this(options, store, time, loggers, SystemMemory.AvailableBytes)
    {
    }

    internal LlamaEngine(LlamaEngineOptions options, ModelStore store, TimeProvider time, ILoggerFactory loggers, Func<long> availableBytes)
    {
        ArgumentNullException.ThrowIfNull(options);
        _store = store;
        _time = time;
        _logger = loggers.CreateLogger<LlamaEngine>();
        _planner = new GenerationPlanner(new PromptRenderer(_logger));
        _residency = new ModelResidency(new ModelLoader(options, time, _logger, availableBytes), options, time, _logger);
    }

    /// <inheritdoc/>
    public string Name => "llama.cpp";

    /// <summary>Checks that the libraries are there and right, without loading a model.</summary>
    /// <exception cref="EngineUnavailableException">They are not.</exception>
    public void EnsureAvailable() => LlamaLibrary.EnsureLoaded(_logger);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return RunAsync(request, (description, model, options) => _planner.Plan(request, description, model, options, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var updates = RunAsync(request, (description, model, options) => _planner.Plan(request, description, model, options, cancellationToken), cancellationToken);
        return ToolCallStream.Extract(updates, request.Tools, request.ToolChoice);
    }

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Options.Validate();
        if (request.Dimensions < 0)
            throw new InvalidRequestException($"dimensions is {request.Dimensions}, but must be at least 0");
        var started = _time.GetTimestamp();
        var description = _store.Find(request.Model, cancellationToken);
        if (ModelLoader.PoolingOf(description) == LlamaPooling.Rank)
            throw new UnsupportedCapabilityException(request.Model, "embedding");

        using var lease = await AcquireAsync(description, request.Options, request.KeepAlive, cancellationToken).ConfigureAwait(false);
        EmbedLimits.Check(request.Count, lease.Model.Weights.EmbeddingLength);
        var texts = EmbeddingInput.Tokenize(lease.Model, request, cancellationToken);
        var vectors = texts.Count == 0
            ? []
            : await lease.Model.Loop.EmbedAsync(texts, cancellationToken).ConfigureAwait(false);
        return new EmbedResult
        {
            Vectors = EmbeddingInput.Shape(vectors, request),
            PromptTokens = texts.Sum(t => t.Length),
            LoadDuration = lease.LoadDuration,
            TotalDuration = _time.GetElapsedTime(started),
        };
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Text.Length > MostTokenized)
            throw new InvalidRequestException(FormattableString.Invariant($"the text has {request.Text.Length} characters, but may have at most {MostTokenized}; send it in parts"));
        using var lease = await AcquireAsync(_store.Find(request.Model, cancellationToken), GenerationOptions.Default, null, cancellationToken).ConfigureAwait(false);
        return lease.Model.Weights.Tokenize(request.Text, request.AddSpecial, request.ParseSpecial, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => Task.FromResult(_store.List(cancellationToken));

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => Task.FromResult(_store.Find(model, cancellationToken));

    /// <inheritdoc/>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Options.Validate();
        var description = _store.Find(request.Model, cancellationToken);
        using var lease = await AcquireAsync(description, request.Options.Over(description.Parameters), request.KeepAlive, cancellationToken)
            .ConfigureAwait(false);
        return _residency.Describe(lease) with { Summary = description.Summary };
    }

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) =>
        _residency.UnloadAsync(_store.Find(model, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<ResidentModel>>(_residency.List());

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _residency.DisposeAsync();

    private Task<ModelLease> AcquireAsync(
        ModelDescription description, GenerationOptions options, TimeSpan? keepAlive, CancellationToken cancellationToken) =>
        _residency.AcquireAsync(description, options, keepAlive, cancellationToken);

    private async IAsyncEnumerable<GenerationUpdate> RunAsync(
        GenerationRequest request,
        Func<ModelDescription, LoadedModel, GenerationOptions, GenerationPlan> plan,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var description = _store.Find(request.Model, cancellationToken);
        GenerationPlanner.Check(request, description);
        var options = request.Options.Over(description.Parameters);

        using var lease = await AcquireAsync(description, options, request.KeepAlive, cancellationToken).ConfigureAwait(false);
        if (!lease.Model.Loop.CanGenerate)
            throw new UnsupportedCapabilityException(request.Model, request is ChatRequest ? "chat" : "generate");
        var planned = plan(description, lease.Model, options);
        if (planned.Job is not { } jobPlan)
        {
            yield return new GenerationUpdate { RenderedPrompt = planned.Prompt, Result = new GenerationResult { Reason = FinishReason.Stop } };
            yield break;
        }

        List<int>? unsaid = null;
        var prompt = 0;
        var job = GenerationJobFactory.Create(lease.Model.Weights, jobPlan, _time);
        try
        {
            lease.Model.Loop.Submit(job);
            await foreach (var update in job.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (update.Tokens is { } tokens)
                    (unsaid ??= []).AddRange(tokens);
                prompt = Math.Max(prompt, update.PromptTokens);
                foreach (var part in Split(update, planned.Thinking))
                {
                    // Tokens go with the text that they became, however long that is held back.
                    var (carried, first) = (unsaid, prompt);
                    (unsaid, prompt) = (null, 0);
                    yield return part.Result is null ? part with { Tokens = carried, PromptTokens = first } : part with
                    {
                        Tokens = carried,
                        PromptTokens = first,
                        Result = part.Result with { LoadDuration = lease.LoadDuration, TotalDuration = _time.GetElapsedTime(started) },
                    };
                }
            }
        }
        finally
        {
            // Whoever leaves, and however: the slot is free before the next step.
            job.Abandon();
        }
    }

    private static IEnumerable<GenerationUpdate> Split(GenerationUpdate update, ThinkingSplitter? thinking)
    {
        if (thinking is null)
        {
            yield return update;
            yield break;
        }

        var (thought, text) = update.Result is null ? thinking.Push(update.Text) : thinking.Finish();
        if (thought.Length > 0 || text.Length > 0 || update is { Result: null, Logprobs.Count: > 0 })
            yield return update with { Thinking = thought, Text = text, Result = null };
        if (update.Result is not null)
            yield return update with { Text = "" };
    }
}
