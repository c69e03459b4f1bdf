using System.Security.Cryptography;

namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>Sampling options with every default filled in.</summary>
internal sealed record ResolvedSampling
{
    /// <summary>Logits are divided by these two. Below this the quotient is infinite, and the choice among infinities is anything.</summary>
    private const float LeastDivisor = 1e-6f;

    public required float Temperature { get; init; }

    public required int TopK { get; init; }

    public required float TopP { get; init; }

    public required float MinP { get; init; }

    public required float TypicalP { get; init; }

    public required int RepeatLastN { get; init; }

    public required float RepeatPenalty { get; init; }

    public required float PresencePenalty { get; init; }

    public required float FrequencyPenalty { get; init; }

    public required uint Seed { get; init; }

    /// <summary>Whether earlier tokens change the odds at all.</summary>
    internal bool Penalizes => RepeatLastN != 0 && (RepeatPenalty != 1 || PresencePenalty != 0 || FrequencyPenalty != 0);

    /// <param name="options">What was said, model's parameters included.</param>
    /// <param name="context">Tokens of context, for a penalty window of -1.</param>
    internal static ResolvedSampling From(GenerationOptions options, int context) => new()
    {
        Temperature = options.Temperature is { } temperature ? (temperature < LeastDivisor ? 0 : temperature) : 0.8f,
        TopK = options.TopK ?? 40,
        TopP = options.TopP ?? 0.9f,
        MinP = options.MinP ?? 0,
        TypicalP = options.TypicalP ?? 1,
        RepeatLastN = options.RepeatLastN switch { null => 64, < 0 => context, { } n => Math.Min(n, context) },
        RepeatPenalty = Math.Max(options.RepeatPenalty ?? 1.1f, LeastDivisor),
        PresencePenalty = options.PresencePenalty ?? 0,
        FrequencyPenalty = options.FrequencyPenalty ?? 0,
        // 0xFFFFFFFF means "random" to the library; a seed that was given is never that.
        Seed = options.Seed is { } seed and not -1 ? (uint)seed : (uint)RandomNumberGenerator.GetInt32(int.MaxValue),
    };
}
