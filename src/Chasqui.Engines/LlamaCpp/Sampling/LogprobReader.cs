using System.Text;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>Log-probabilities over the whole vocabulary, from a row of logits.</summary>
internal static class LogprobReader
{
    /// <param name="model">For the tokens' texts.</param>
    /// <param name="logits">One value for each token of the vocabulary.</param>
    /// <param name="token">The token that was chosen.</param>
    /// <param name="alternatives">How many of the likeliest to list, 0 to 20.</param>
    internal static TokenLogprob Read(LlamaModel model, ReadOnlySpan<float> logits, int token, int alternatives)
    {
        var normalizer = LogSumExp(logits);
        return Describe(model, token, logits[token] - normalizer, Likeliest(model, logits, normalizer, alternatives));
    }

    private static List<TokenLogprob> Likeliest(LlamaModel model, ReadOnlySpan<float> logits, float normalizer, int count)
    {
        if (count == 0)
            return [];
        var best = new PriorityQueue<int, float>(count + 1);
        for (var i = 0; i < logits.Length; i++)
        {
            if (best.Count < count)
                best.Enqueue(i, logits[i]);
            else if (best.TryPeek(out _, out var least) && logits[i] > least)
                best.EnqueueDequeue(i, logits[i]);
        }

        var list = new List<TokenLogprob>(best.Count);
        while (best.TryDequeue(out var id, out var logit))
            list.Add(Describe(model, id, logit - normalizer, []));
        list.Reverse();
        return list;
    }

    private static TokenLogprob Describe(LlamaModel model, int token, float logprob, IReadOnlyList<TokenLogprob> alternatives)
    {
        var bytes = model.Piece(token);
        return new TokenLogprob(Encoding.UTF8.GetString(bytes), bytes, logprob, alternatives);
    }

    private static float LogSumExp(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        foreach (var x in logits)
            max = Math.Max(max, x);
        var sum = 0.0;
        foreach (var x in logits)
            sum += Math.Exp(x - max);
        return max + (float)Math.Log(sum);
    }
}
