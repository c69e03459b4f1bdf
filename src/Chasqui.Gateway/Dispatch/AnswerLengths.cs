using System.Collections.Concurrent;

namespace Chasqui.Gateway.Dispatch;

/// <summary>How many tokens the models' answers have had: moving averages, each new answer weighing a tenth. Thread-safe; a lost update among many does no harm.</summary>
internal sealed class AnswerLengths
{
    private const int Guess = 128;
    private const int MaxModels = 1_000;

    private readonly ConcurrentDictionary<string, double> _tokens = new(ModelNames.Comparer);

    public int Of(string model) => _tokens.TryGetValue(model, out var tokens) ? (int)tokens : Guess;

    public void Add(string model, int tokens)
    {
        if (_tokens.Count < MaxModels || _tokens.ContainsKey(model))
            _tokens.AddOrUpdate(model, static (_, first) => first, static (_, old, value) => old + ((value - old) / 10), (double)tokens);
    }
}
