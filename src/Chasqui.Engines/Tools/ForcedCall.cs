using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Tools;

/// <summary>Has an answer call a tool at engines that cannot be told so: the answer is held to the form of a call, and read as one.</summary>
internal static class ForcedCall
{
    /// <summary>An answer in the form of a call, of a node that knows formats. Where its model knows no tools, it is told of them in words.</summary>
    /// <param name="request">The request, whose answer must call a tool.</param>
    /// <param name="answer">Asks the node.</param>
    /// <exception cref="InvalidRequestException">There is no such tool.</exception>
    public static IAsyncEnumerable<GenerationUpdate> HoldAsync(ChatRequest request, Func<ChatRequest, IAsyncEnumerable<GenerationUpdate>> answer) =>
        ToolCallStream.Extract(TryAsync(request, answer), request.Tools, request.ToolChoice);

    /// <summary>An answer in the form of a call, of a node that knows formats and shows its model no tools: it is told of them in words.</summary>
    /// <param name="request">The request, whose answer must call a tool.</param>
    /// <param name="answer">Asks the node.</param>
    /// <exception cref="InvalidRequestException">There is no such tool.</exception>
    public static IAsyncEnumerable<GenerationUpdate> HoldInWordsAsync(ChatRequest request, Func<ChatRequest, IAsyncEnumerable<GenerationUpdate>> answer) =>
        ToolCallStream.Extract(answer(InWords(request with { Format = ForcedCallShape.Of(ForcedTool.Of(request)) })), request.Tools, request.ToolChoice);

    /// <summary>The request without its tools, which a turn of the system tells of in words.</summary>
    public static ChatRequest InWords(ChatRequest request)
    {
        var tools = request.Tools is { } offered ? offered.GetRawText() : "[]";
        var text = "Answer with the call of a tool, and with nothing else: a JSON object with the tool's \"name\" and the object of its \"arguments\". The tools:\n" + tools;
        var turns = request.Messages is [{ } first, ..] && first.Role.Equals("system", StringComparison.OrdinalIgnoreCase)
            ? (IReadOnlyList<ChatMessage>)[first with { Content = first.Content + "\n\n" + text }, .. request.Messages.Skip(1)]
            : [new ChatMessage { Role = "system", Content = text }, .. request.Messages];
        return request with { Tools = null, ToolChoice = null, Messages = turns };
    }

    private static async IAsyncEnumerable<GenerationUpdate> TryAsync(
        ChatRequest request, Func<ChatRequest, IAsyncEnumerable<GenerationUpdate>> answer, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        request = request with { Format = ForcedCallShape.Of(ForcedTool.Of(request)) };
        var updates = answer(request).GetAsyncEnumerator(cancellationToken);
        try
        {
            bool? more;
            try
            {
                more = await updates.MoveNextAsync().ConfigureAwait(false);
            }
            catch (UnsupportedCapabilityException e) when (e.Capability == "tools")
            {
                more = null;
            }
            if (more is null)
            {
                await updates.DisposeAsync().ConfigureAwait(false);
                updates = answer(InWords(request)).GetAsyncEnumerator(cancellationToken);
                more = await updates.MoveNextAsync().ConfigureAwait(false);
            }
            while (more == true)
            {
                yield return updates.Current;
                more = await updates.MoveNextAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            await updates.DisposeAsync().ConfigureAwait(false);
        }
    }
}
