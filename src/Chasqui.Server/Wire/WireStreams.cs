using Chasqui.Engines.Wire;

namespace Chasqui.Server;

/// <summary>Sends what an engine generates as messages.</summary>
internal static class WireStreams
{
    /// <param name="updates">What the engine generates.</param>
    /// <param name="withTokens">Whether the ids of tokens were asked for.</param>
    /// <param name="answer">Where it goes.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="EngineFailedException">The updates ended without a result.</exception>
    public static async ValueTask SendAsync(IAsyncEnumerable<GenerationUpdate> updates, bool withTokens, WireAnswer answer, CancellationToken cancellationToken)
    {
        var ended = false;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            ended = update.Result is not null;
            await answer.SendAsync(WireUpdates.ToWire(update, withTokens), ended, cancellationToken).ConfigureAwait(false);
        }

        if (!ended)
            throw new EngineFailedException("the engine ended its answer without a result");
    }
}
