using Chasqui.Engines.Wire;

namespace Chasqui.Server;

/// <summary>Sends what an engine generates as messages.</summary>
internal static class WireStreams
{
    /// <exception cref="EngineFailedException">The updates ended without a result.</exception>
    public static async ValueTask SendAsync(IAsyncEnumerable<GenerationUpdate> updates, WireAnswer answer, CancellationToken cancellationToken)
    {
        var ended = false;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            ended = update.Result is not null;
            await answer.SendAsync(WireUpdates.ToWire(update), ended, cancellationToken).ConfigureAwait(false);
        }

        if (!ended)
            throw new EngineFailedException("the engine ended its answer without a result");
    }
}
