using System.Text;
using System.Text.Json.Nodes;

namespace Chasqui.Server;

/// <summary>A stream of updates taken to its end and joined, for answers that are sent whole.</summary>
internal sealed class GatheredAnswer
{
    public string Text { get; private init; } = "";

    public string Thinking { get; private init; } = "";

    public IReadOnlyList<TokenLogprob>? Logprobs { get; private init; }

    /// <summary>Those of the tokens that are not thinking.</summary>
    public IReadOnlyList<TokenLogprob>? TextLogprobs { get; private init; }

    /// <summary>All calls of tools, in Ollama's form; null for none.</summary>
    public JsonArray? ToolCalls { get; private init; }

    public string? RenderedPrompt { get; private init; }

    /// <summary>Tokens of the prompt as the engine told them before it answered; 0 where it did not.</summary>
    public int PromptTokens { get; private init; }

    /// <summary>How it ended.</summary>
    public required GenerationResult Result { get; init; }

    /// <exception cref="EngineFailedException">The stream ended without a result.</exception>
    public static async Task<GatheredAnswer> FromAsync(IAsyncEnumerable<GenerationUpdate> updates, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var thinking = new StringBuilder();
        List<TokenLogprob>? logprobs = null, textLogprobs = null;
        JsonArray? calls = null;
        string? rendered = null;
        GenerationResult? result = null;
        var prompt = 0;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            text.Append(update.Text);
            thinking.Append(update.Thinking);
            if (update.Logprobs is { Count: > 0 } more)
            {
                (logprobs ??= []).AddRange(more);
                if (update.Thinking.Length == 0)
                    (textLogprobs ??= []).AddRange(more);
            }
            foreach (var call in update.ToolCalls?.EnumerateArray() ?? default)
                (calls ??= []).Add(JsonObject.Create(call));
            rendered ??= update.RenderedPrompt;
            prompt = Math.Max(prompt, update.PromptTokens);
            result = update.Result ?? result;
        }
        return new GatheredAnswer
        {
            Text = text.ToString(),
            Thinking = thinking.ToString(),
            Logprobs = logprobs,
            TextLogprobs = textLogprobs,
            ToolCalls = calls,
            RenderedPrompt = rendered,
            PromptTokens = prompt,
            Result = result ?? throw EndedEarly(),
        };
    }

    public static EngineFailedException EndedEarly() => new("the engine ended the answer without saying how; try again");
}
