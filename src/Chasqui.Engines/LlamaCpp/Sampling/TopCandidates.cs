using System.Numerics;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>
/// Finds the k largest logits. The library first makes a candidate of every token and then sorts; over a vocabulary of
/// tens of thousands that costs more than all the other samplers together. Here a row is scanned in vectors, and only what
/// exceeds the k-th largest so far is looked at.
/// </summary>
internal static class TopCandidates
{
    /// <summary>Above this a sort of everything is no dearer.</summary>
    internal const int MostK = 512;

    /// <summary>Writes the k largest, the largest first, of equals the lower token first.</summary>
    /// <param name="logits">One value for each token of the vocabulary, none of them NaN.</param>
    /// <param name="k">1 to <see cref="MostK"/>, at most the size of the vocabulary.</param>
    /// <param name="into">Room for k candidates.</param>
    internal static void Select(ReadOnlySpan<float> logits, int k, Span<LlamaTokenData> into)
    {
        var heap = into[..k];
        for (var i = 0; i < k; i++)
            heap[i] = new LlamaTokenData { Id = i, Logit = logits[i] };
        for (var i = (k / 2) - 1; i >= 0; i--)
            Sink(heap, i);

        var width = Vector<float>.Count;
        var at = k;
        for (; at <= logits.Length - width; at += width)
        {
            if (!Vector.GreaterThanAny(new Vector<float>(logits[at..]), new Vector<float>(heap[0].Logit)))
                continue;
            for (var i = at; i < at + width; i++)
                Offer(heap, i, logits[i]);
        }

        for (; at < logits.Length; at++)
            Offer(heap, at, logits[at]);
        heap.Sort(static (a, b) => b.Logit.CompareTo(a.Logit) is var order and not 0 ? order : a.Id.CompareTo(b.Id));
    }

    private static void Offer(Span<LlamaTokenData> heap, int token, float logit)
    {
        if (!(logit > heap[0].Logit))
            return;
        heap[0] = new LlamaTokenData { Id = token, Logit = logit };
        Sink(heap, 0);
    }

    /// <summary>Restores the order of a heap whose root is its least; of equals the higher token goes first.</summary>
    private static void Sink(Span<LlamaTokenData> heap, int at)
    {
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= heap.Length)
                return;
            if (child + 1 < heap.Length && Below(heap[child + 1], heap[child]))
                child++;
            if (!Below(heap[child], heap[at]))
                return;
            (heap[at], heap[child]) = (heap[child], heap[at]);
            at = child;
        }
    }

    private static bool Below(LlamaTokenData a, LlamaTokenData b) => a.Logit < b.Logit || (a.Logit == b.Logit && a.Id > b.Id);
}
