using System.Runtime.CompilerServices;

namespace Chasqui.Server;

/// <summary>
/// Has a chat answered whose client asks for what the model does not know and need not have: agents offer tools, and ask for thinking, with each request, whatever the model is. Thinking is a
/// wish by way of Anthropic's API, as in Ollama, and on that path only. Tools that the model is free to leave alone are never called by a model that knows none, so they change no answer:
/// they are passed over, and named. A call that is demanded is another matter.
/// </summary>
internal static class RelaxedChat
{
    /// <param name="engine">Answers.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="thinking">Whether thinking is a wish.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static IAsyncEnumerable<GenerationUpdate> ChatAsync(IEngine engine, ChatRequest request, bool thinking, CancellationToken cancellationToken) =>
        Without(request, "tools", thinking) is null && Without(request, "thinking", thinking) is null ? engine.ChatAsync(request, cancellationToken) : TryAsync(engine, request, thinking, cancellationToken);

    private static async IAsyncEnumerable<GenerationUpdate> TryAsync(
        IEngine engine, ChatRequest request, bool thinking, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = engine.ChatAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            // Each may be missing, and each is taken away once.
            var (more, less) = await FirstAsync(updates, request, thinking).ConfigureAwait(false);
            while (less is not null)
            {
                await updates.DisposeAsync().ConfigureAwait(false);
                request = less;
                updates = engine.ChatAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
                (more, less) = await FirstAsync(updates, request, thinking).ConfigureAwait(false);
            }
            while (more)
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

    /// <summary>Whether there is a first update; or the request to ask instead, where the model cannot do what this one asks.</summary>
    private static async ValueTask<(bool More, ChatRequest? Less)> FirstAsync(IAsyncEnumerator<GenerationUpdate> updates, ChatRequest request, bool thinking)
    {
        try
        {
            return (await updates.MoveNextAsync().ConfigureAwait(false), null);
        }
        catch (UnsupportedCapabilityException e) when (Without(request, e.Capability, thinking) is { } less)
        {
            if (e.Capability == "tools")
                RequestContext.Current?.PassOver("tools");
            return (false, less);
        }
    }

    private static ChatRequest? Without(ChatRequest request, string capability, bool thinking) => capability switch
    {
        "thinking" when thinking && request.Think is not (null or "false") => request with { Think = null },
        "tools" when request.Tools is not null && request.ToolChoice is not { IsForced: true } => request with { Tools = null, ToolChoice = null },
        _ => null,
    };
}
