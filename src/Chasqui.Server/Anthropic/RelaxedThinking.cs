using System.Runtime.CompilerServices;

namespace Chasqui.Server;

/// <summary>
/// Thinking that is asked for by way of Anthropic's API is a wish: clients such as coding agents always send it, so a model that
/// cannot think answers without. Ollama does the same on this path, and on this path only.
/// </summary>
internal static class RelaxedThinking
{
    public static IAsyncEnumerable<GenerationUpdate> ChatAsync(IEngine engine, ChatRequest request, CancellationToken cancellationToken) =>
        request.Think is null or "false" ? engine.ChatAsync(request, cancellationToken) : TryAsync(engine, request, cancellationToken);

    private static async IAsyncEnumerable<GenerationUpdate> TryAsync(
        IEngine engine, ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = engine.ChatAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            var more = await FirstAsync(updates).ConfigureAwait(false);
            if (more is null)
            {
                await updates.DisposeAsync().ConfigureAwait(false);
                updates = engine.ChatAsync(request with { Think = null }, cancellationToken).GetAsyncEnumerator(cancellationToken);
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

    /// <summary>Whether there is a first update; null where the model cannot think.</summary>
    private static async ValueTask<bool?> FirstAsync(IAsyncEnumerator<GenerationUpdate> updates)
    {
        try
        {
            return await updates.MoveNextAsync().ConfigureAwait(false);
        }
        catch (UnsupportedCapabilityException e) when (e.Capability == "thinking")
        {
            return null;
        }
    }
}
