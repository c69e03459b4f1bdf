using Chasqui.Engines.LlamaCpp.Prompts;
using Chasqui.Engines.LlamaCpp.Residency;

namespace Chasqui.Engines.LlamaCpp;

/// <summary>Texts to tokens, and raw vectors to what the caller asked for.</summary>
internal static class EmbeddingInput
{
    /// <exception cref="ContextLengthExceededException">A text is longer than the context, and cutting was not allowed.</exception>
    /// <exception cref="InvalidRequestException">A text has no tokens, or one that the model does not have.</exception>
    internal static List<int[]> Tokenize(LoadedModel model, EmbedRequest request, CancellationToken cancellationToken)
    {
        var limit = model.Loop.CanGenerate
            ? Math.Min(request.Options.NumCtx is > 0 and var n ? n : int.MaxValue, model.ContextLength)
            : Math.Min(model.Weights.TrainedContext, ModelLoader.LongestEncoderText);
        var texts = new List<int[]>(request.Count);
        foreach (var text in request.Inputs)
        {
            var tokens = model.Weights.TokenizeFirst(text, GenerationPlanner.Counted(limit), addSpecial: true, parseSpecial: true, out var isCut, cancellationToken);
            Add(tokens, isCut, "character");
        }
        foreach (var ids in request.TokenInputs)
            Add(Checked(ids, model.Weights.VocabularySize), false, "token");
        return texts;

        void Add(int[] tokens, bool isCut, string unit)
        {
            if (tokens.Length > limit)
            {
                if (!request.Truncate)
                    throw GenerationPlanner.TooLong(tokens.Length - (isCut ? 1 : 0), isCut, limit);
                tokens = Cut(tokens, limit, model.Weights.Tokenize("", addSpecial: true, parseSpecial: true, cancellationToken));
            }
            texts.Add(tokens.Length > 0 ? tokens : throw new InvalidRequestException($"an input is empty; every input must hold at least one {unit}"));
        }
    }

    internal static IReadOnlyList<float[]> Shape(float[][] vectors, EmbedRequest request)
    {
        for (var i = 0; i < vectors.Length; i++)
        {
            if (request.Dimensions is > 0 and var dimensions && dimensions < vectors[i].Length)
                vectors[i] = vectors[i][..dimensions];
            if (request.Normalize)
                Normalize(vectors[i]);
        }

        return vectors;
    }

    // The library indexes its tables with these.
    private static int[] Checked(IReadOnlyList<int> ids, int vocabulary)
    {
        foreach (var id in ids)
        {
            if (id < 0 || id >= vocabulary)
                throw new InvalidRequestException(FormattableString.Invariant($"an input holds the token {id}, but this model's tokens are 0 to {vocabulary - 1}"));
        }
        return [.. ids];
    }

    // A tokenizer that ends every text with a token of its own (BERT's [SEP]) expects it at the end of a cut text too.
    private static int[] Cut(int[] tokens, int limit, int[] ofNothing) => ofNothing.Length > 0 && ofNothing[^1] == tokens[^1]
        ? [.. tokens.AsSpan(0, limit - 1), tokens[^1]]
        : tokens[..limit];

    private static void Normalize(Span<float> vector)
    {
        var sum = 0.0;
        foreach (var x in vector)
            sum += (double)x * x;
        if (sum == 0)
            return;
        var scale = 1 / Math.Sqrt(sum);
        for (var i = 0; i < vector.Length; i++)
            vector[i] = (float)(vector[i] * scale);
    }
}
