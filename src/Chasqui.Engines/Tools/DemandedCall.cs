using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Tools;

/// <summary>
/// Has an answer call a tool at nodes that take a demand for it: where the node passes over the demand and says something else, it is asked once more, and held to the form of a call. What it
/// says is kept back until it is known to be no call; what it thinks is not.
/// </summary>
internal static class DemandedCall
{
    /// <summary>Characters of a text behind which no call is waited for.</summary>
    private const int MaxHeld = 64 * 1024;

    /// <param name="request">The request, whose answer must call a tool.</param>
    /// <param name="answer">Asks the node.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidRequestException">There is no such tool.</exception>
    public static async IAsyncEnumerable<GenerationUpdate> AskAsync(
        ChatRequest request, Func<ChatRequest, IAsyncEnumerable<GenerationUpdate>> answer, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var (held, length, called) = (new List<GenerationUpdate>(), 0, false);
        GenerationResult? said = null;
        await foreach (var update in ToolCallStream.Extract(answer(request), request.Tools, request.ToolChoice).WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            called |= update.ToolCalls is { } calls && calls.GetArrayLength() > 0;
            said = update.Result;
            if (!called && update.Thinking.Length > 0)
                yield return new GenerationUpdate { Thinking = update.Thinking };
            held.Add(called ? update : update with { Thinking = "" });
            length += update.Text.Length;
            if (length > MaxHeld)
                break;
        }
        // One that met the limit of its tokens would meet it again.
        if (called || said is { Reason: FinishReason.Length })
        {
            foreach (var update in held)
            {
                if (update.Text.Length > 0 || update.Thinking.Length > 0 || update.ToolCalls is not null || update.Result is not null)
                    yield return update;
            }
            yield break;
        }
        await foreach (var update in ForcedCall.HoldInWordsAsync(request, answer).WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            // What the first answer took was spent as well.
            yield return update.Result is { } result ? update with { Result = result with { CompletionTokens = result.CompletionTokens + (said?.CompletionTokens ?? 0) } } : update;
        }
    }
}
