using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>
/// Penalties for tokens that occurred lately, with llama.cpp's formula (<c>llama_sampler_init_penalties</c>): a logit above
/// zero is divided by the repeat penalty and one below multiplied with it, then the frequency penalty is subtracted once for
/// each occurrence and the presence penalty once. Only the tokens of the window are touched: the library's own sampler walks
/// the whole vocabulary at every token. Not thread-safe.
/// </summary>
internal sealed class PenaltyWindow(int length, float repeat, float frequency, float presence)
{
    private readonly Queue<int> _recent = new();
    private readonly Dictionary<int, int> _counts = [];

    internal void Add(int token)
    {
        if (length == 0)
            return;
        if (_recent.Count == length)
        {
            ref var oldest = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, _recent.Peek(), out _);
            if (--oldest == 0)
                _counts.Remove(_recent.Peek());
            _recent.Dequeue();
        }

        _recent.Enqueue(token);
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, token, out _)++;
    }

    internal void Apply(Span<float> logits)
    {
        foreach (var (token, count) in _counts)
        {
            ref var logit = ref logits[token];
            logit = logit <= 0 ? logit * repeat : logit / repeat;
            logit -= (count * frequency) + presence;
        }
    }
}
