using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Embedding;

/// <summary>One text on its way through an embedding context, in as many batches as it needs, pooled as it goes.</summary>
/// <param name="job">The request it belongs to.</param>
/// <param name="text">Which of the request's texts it is.</param>
/// <param name="sequence">The sequence id whose cache it uses.</param>
/// <param name="pooling">How the tokens' states become one vector.</param>
/// <param name="length">Components of a vector.</param>
internal sealed class EmbeddingLane(EmbeddingJob job, int text, int sequence, LlamaPooling pooling, int length)
{
    // In double: the sum of ten thousand floats is off in the fourth digit.
    private readonly double[] _sum = new double[length];
    private int _pooled;

    internal EmbeddingJob Job { get; } = job;

    internal int Sequence { get; } = sequence;

    internal int[] Tokens { get; } = job.Texts[text];

    /// <summary>Tokens that have been put into a batch.</summary>
    internal int Done { get; set; }

    internal bool Complete => _pooled == Tokens.Length;

    /// <summary>Takes the hidden state of the next token in order.</summary>
    internal void Pool(ReadOnlySpan<float> state)
    {
        var first = _pooled == 0;
        _pooled++;
        if (pooling == LlamaPooling.Mean)
        {
            for (var i = 0; i < _sum.Length; i++)
                _sum[i] += state[i];
        }
        else if ((pooling == LlamaPooling.Cls && first) || (pooling == LlamaPooling.Last && Complete))
        {
            for (var i = 0; i < _sum.Length; i++)
                _sum[i] = state[i];
        }
    }

    internal void Deliver()
    {
        var divisor = pooling == LlamaPooling.Mean ? Math.Max(_pooled, 1) : 1;
        var vector = new float[_sum.Length];
        for (var i = 0; i < vector.Length; i++)
            vector[i] = (float)(_sum[i] / divisor);
        Job.Set(text, vector);
    }
}
