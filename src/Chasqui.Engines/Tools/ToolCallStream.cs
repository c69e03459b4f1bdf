using System.Runtime.CompilerServices;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Tools;

/// <summary>Takes the tool calls out of the text of an answer.</summary>
internal static class ToolCallStream
{
    /// <summary>The same updates with the calls in <see cref="GenerationUpdate.ToolCalls"/> of the last one, and no longer in the text.</summary>
    /// <param name="updates">As the model said them.</param>
    /// <param name="tools">The tools that were offered; without any, the updates are as they were.</param>
    /// <param name="choice">How many calls may be told; null for all.</param>
    public static IAsyncEnumerable<GenerationUpdate> Extract(IAsyncEnumerable<GenerationUpdate> updates, JsonElement? tools, ToolChoice? choice = null) =>
        SingleCall.Of(ToolCallReader.For(tools) is { } reader ? ReadAsync(updates, reader) : updates, choice);

    private static async IAsyncEnumerable<GenerationUpdate> ReadAsync(
        IAsyncEnumerable<GenerationUpdate> updates, ToolCallReader reader, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        List<int>? unsaid = null;
        var prompt = 0;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            var text = reader.Read(update.Text);
            // Tokens go with the text that they became, however long that is held back.
            if (update.Tokens is { } tokens)
                (unsaid ??= []).AddRange(tokens);
            prompt = Math.Max(prompt, update.PromptTokens);
            if (update.Result is null)
            {
                if (text.Length > 0 || update.Thinking.Length > 0 || update.ToolCalls is not null || update.Logprobs is { Count: > 0 } || update.RenderedPrompt is not null)
                {
                    yield return update with { Text = text, Tokens = unsaid, PromptTokens = prompt };
                    (unsaid, prompt) = (null, 0);
                }
                continue;
            }
            yield return update with
            {
                Text = text + reader.Finish(),
                Tokens = unsaid,
                PromptTokens = prompt,
                ToolCalls = reader.Calls is { } calls ? JsonSerializer.SerializeToElement(calls, JsonWriting.Plain) : update.ToolCalls,
            };
        }
    }
}
