using System.Diagnostics;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Merging;

/// <summary>One call upstream, and the handing out of what came of it.</summary>
internal sealed class MergedRun(IEmbeddingUpstream upstream, MergeKey key, MergedCall call)
{
    /// <summary>Runs it. Never fails; its callers are told how it ended.</summary>
    /// <returns>Whether its parts are to be sent apart, because the node refused one of them.</returns>
    public async Task<bool> RunAsync()
    {
        // It waits in the line of one of its callers, whose turn it was, and each of them pays for its own texts.
        var measure = (call.Parts.FirstOrDefault(part => part.Measure is not null && !part.HasLeft) ?? call.Parts[0]).Measure?.Share();
        RequestContext.Current = measure;
        Activity.Current = null;
        foreach (var part in call.Parts)
            part.Shared = measure;
        if (measure is not null)
            measure.Sharers = call.Sharers();
        measure?.Merged(call.Parts.Count, call.Inputs);
        try
        {
            var result = await upstream.EmbedAsync(key.Shape with { Inputs = call.Texts() }, key.Node, call.Token).ConfigureAwait(false);
            if (result.Vectors.Count != call.Inputs)
                throw new EngineFailedException(FormattableString.Invariant($"{call.Inputs} texts were answered with {result.Vectors.Count} vectors"));
            measure?.Ended(RequestOutcome.Ok);
            HandOut(result);
        }
        catch (InvalidRequestException) when (call.Parts.Count > 1)
        {
            measure?.Ended(RequestOutcome.Refused);
            return true;
        }
        catch (OperationCanceledException e)
        {
            measure?.Ended(RequestOutcome.Cancelled);
            foreach (var part in call.Parts)
                part.Cancel(e.CancellationToken);
        }
#pragma warning disable CA1031 // Every caller is told, whatever it is.
        catch (Exception e)
#pragma warning restore CA1031
        {
            measure?.Ended(RequestOutcome.Failed);
            foreach (var part in call.Parts)
                part.Fail(e);
        }
        return false;
    }

    private void HandOut(EmbedResult result)
    {
        if (call.Parts.Count == 1)
        {
            call.Parts[0].Succeed(result);
            return;
        }
        var shares = new TokenShares(result.PromptTokens, call.Parts.Sum(part => TokenShares.WeightOf(part.Inputs)));
        var next = 0;
        foreach (var part in call.Parts)
        {
            var vectors = new float[part.Inputs.Count][];
            for (var i = 0; i < vectors.Length; i++)
                vectors[i] = result.Vectors[next++];
            part.Succeed(result with { Vectors = vectors, PromptTokens = shares.Next(TokenShares.WeightOf(part.Inputs)) });
        }
    }
}
