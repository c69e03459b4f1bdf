using System.Diagnostics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>
/// An engine whose generations and embeddings are seen by the request that they are done for (<see cref="RequestMeasure.Current"/>): what was asked, the first token, the
/// tokens, and a span <c>engine</c>. It tells the engine in whose scope the request is. Costs nothing for each token. Thread-safe.
/// </summary>
/// <param name="inner">The engine; not disposed.</param>
/// <param name="prompts">Is given what was asked, where that is wanted; null, the default, where it is not.</param>
public sealed class MeasuredEngine(IEngine inner, Action<string>? prompts = null) : IEngine
{
    /// <summary>The same eyes over another engine.</summary>
    public MeasuredEngine Over(IEngine other) => new(other, prompts);

    /// <summary>Whether it is wanted to see what was asked.</summary>
    public bool SeesPrompts => prompts is not null;

    /// <summary>Tells what was asked where that passes by no engine.</summary>
    public void Asked(string prompt) => prompts?.Invoke(prompt);

    /// <summary>The engine within.</summary>
    public IEngine Inner => inner;

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (RequestMeasure.Current is not { } measure)
            return inner.GenerateAsync(request, cancellationToken);
        measure.Asks("text_completion", request.Model);
        prompts?.Invoke(request.System is { Length: > 0 } system ? system + "\n" + request.Prompt : request.Prompt);
        return new MeasuredUpdates(inner.GenerateAsync(request with { PrefixScope = measure.PrefixScope }, cancellationToken), measure, inner.Name);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (RequestMeasure.Current is not { } measure)
            return inner.ChatAsync(request, cancellationToken);
        measure.Asks("chat", request.Model);
        prompts?.Invoke(string.Join('\n', request.Messages.Select(message => $"{message.Role}: {message.Content}")));
        return new MeasuredUpdates(inner.ChatAsync(request with { PrefixScope = measure.PrefixScope }, cancellationToken), measure, inner.Name);
    }

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (RequestMeasure.Current is not { } measure)
            return await inner.EmbedAsync(request, cancellationToken).ConfigureAwait(false);
        measure.Asks("embeddings", request.Model);
        prompts?.Invoke(string.Join('\n', request.Inputs));
        using var span = StartSpan(measure, inner.Name);
        try
        {
            var result = await inner.EmbedAsync(request, cancellationToken).ConfigureAwait(false);
            Count(measure, result.PromptTokens);
            return result;
        }
        catch (Exception) when (Fail(span))
        {
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var tokens = await inner.TokenizeAsync(request, cancellationToken).ConfigureAwait(false);
        if (RequestMeasure.Current is { } measure)
            Count(measure, tokens.Count);
        return tokens;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => inner.ListAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => inner.ShowAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => inner.LoadAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => inner.UnloadAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => inner.ListResidentAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Where the engine does not count tokens, the texts count by their length.</summary>
    private static void Count(RequestMeasure measure, int tokens)
    {
        measure.Passed(0);
        measure.Tokens(tokens, 0);
    }

    internal static Activity? StartSpan(RequestMeasure measure, string engine)
    {
        var span = measure.StartSpan("engine", ActivityKind.Client);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag(TelemetryNames.Operation, measure.Operation);
            span.SetTag(TelemetryNames.Provider, measure.Node?.Provider ?? engine);
            span.SetTag(TelemetryNames.RequestModel, measure.Model);
        }

        return span;
    }

    /// <summary>Marks a span; always false, so that a filter that calls it lets the exception go by.</summary>
    internal static bool Fail(Activity? span)
    {
        span?.SetStatus(ActivityStatusCode.Error);
        return false;
    }
}
