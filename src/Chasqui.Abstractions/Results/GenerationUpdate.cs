using System.Text.Json;

namespace Chasqui;

/// <summary>A piece of an answer as it is made. Several tokens may share one update; a token may yield none (half a character, a possible stop text).</summary>
public sealed record GenerationUpdate
{
    /// <summary>New text, possibly empty.</summary>
    public string Text { get; init; } = "";

    /// <summary>New text of the model's thinking, possibly empty.</summary>
    public string Thinking { get; init; } = "";

    /// <summary>The log-probabilities of the tokens of this piece, where they were asked for.</summary>
    public IReadOnlyList<TokenLogprob>? Logprobs { get; init; }

    /// <summary>
    /// Calls of tools that the model decided on, an array in the form of Ollama's API (<c>[{"id", "function": {"index", "name", "arguments": {…}}}]</c>); null for none.
    /// Each call is whole and comes in one update only.
    /// </summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>The ids of the tokens that came since the last update, whose text this is; null where they were not asked for or are not known (<see cref="GenerationRequest.WithTokens"/>).</summary>
    public IReadOnlyList<int>? Tokens { get; init; }

    /// <summary>Tokens of the whole prompt: only in the first update, and only of an engine that knows them before the answer ends; else 0.</summary>
    public int PromptTokens { get; init; }

    /// <summary>The prompt after templating; only for <see cref="GenerationRequest.RenderOnly"/>.</summary>
    public string? RenderedPrompt { get; init; }

    /// <summary>Set on the last update of a stream, and only there.</summary>
    public GenerationResult? Result { get; init; }
}

/// <summary>How a generation ended, and what it took.</summary>
public sealed record GenerationResult
{
    /// <summary>Why it ended.</summary>
    public required FinishReason Reason { get; init; }

    /// <summary>Tokens of the prompt, those taken from a cached prefix included.</summary>
    public int PromptTokens { get; init; }

    /// <summary>Tokens of the prompt that were taken from a cached prefix, so not computed again.</summary>
    public int CachedPromptTokens { get; init; }

    /// <summary>Tokens of the answer; the one that ended it is not counted.</summary>
    public int CompletionTokens { get; init; }

    /// <summary>Of these, tokens of the model's thinking, where the engine counts them apart; else 0.</summary>
    public int ReasoningTokens { get; init; }

    /// <summary>From the request's arrival at the engine to its end.</summary>
    public TimeSpan TotalDuration { get; init; }

    /// <summary>Time until the model was ready for this request.</summary>
    public TimeSpan LoadDuration { get; init; }

    /// <summary>Time to compute the prompt.</summary>
    public TimeSpan PromptDuration { get; init; }

    /// <summary>Time to make the answer.</summary>
    public TimeSpan CompletionDuration { get; init; }

    /// <summary>The token ids of prompt and answer, for <see cref="GenerateRequest.Context"/> of a later request; null for chats and raw prompts.</summary>
    public IReadOnlyList<int>? Context { get; init; }

    /// <summary>Prompt tokens that were cut because the prompt was longer than the context; 0 when it was whole.</summary>
    public int TruncatedTokens { get; init; }

    /// <summary>How often another engine went on with the answer, since the one before had failed.</summary>
    public int Continuations { get; init; }

    /// <summary>The session that the exchange was recorded in; null for none.</summary>
    public SessionMark? Session { get; init; }
}

/// <summary>Where an exchange was recorded.</summary>
/// <param name="Id">The session.</param>
/// <param name="Version">Its version since then.</param>
/// <param name="Omitted">Turns that were not sent to the model, as they would have been too many.</param>
public sealed record SessionMark(string Id, long Version, int Omitted);

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended it, or a stop text was met.</summary>
    Stop,

    /// <summary>The limit of tokens was met, the context was full, or the model said one token more than 30 times on end.</summary>
    Length,
}

/// <summary>A token and how likely it was.</summary>
/// <param name="Token">The token's text; bytes that are no complete character are shown as U+FFFD.</param>
/// <param name="Bytes">The token's bytes.</param>
/// <param name="Logprob">Natural logarithm of the probability over the whole vocabulary, before sampling options.</param>
/// <param name="Alternatives">The likeliest tokens at this place, best first; empty where none were asked for.</param>
public sealed record TokenLogprob(string Token, ReadOnlyMemory<byte> Bytes, float Logprob, IReadOnlyList<TokenLogprob> Alternatives);
