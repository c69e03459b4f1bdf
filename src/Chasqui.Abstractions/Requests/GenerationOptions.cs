namespace Chasqui;

/// <summary>
/// Options of one generation, named as Ollama's <c>options</c>. Null means "not said": the model's own parameter is used,
/// then the default given here. Values outside a range are refused with <see cref="InvalidOptionException"/>.
/// </summary>
public sealed record GenerationOptions
{
    private const int MaxStopLength = 1024;
    private const int MaxStopsLength = 8192;

    /// <summary>Nothing said.</summary>
    public static GenerationOptions Default { get; } = new();

    /// <summary>Context length in tokens, prompt and answer together. Default 4096, at most what the model was trained for; less than 4 is taken as 4.</summary>
    public int? NumCtx { get; init; }

    /// <summary>Prompt tokens computed in one step, 1 to 8192. Default 512.</summary>
    public int? NumBatch { get; init; }

    /// <summary>Threads for the arithmetic, 1 to 512, counted as at most the cores there are: they wait for each other spinning. Default: all cores but one.</summary>
    public int? NumThread { get; init; }

    /// <summary>Tokens at the start of the prompt that a context shift keeps; -1 keeps the whole prompt. Default 4.</summary>
    public int? NumKeep { get; init; }

    /// <summary>Most tokens to generate, at most ten contexts; zero or less means until the model ends. Default -1.</summary>
    public int? NumPredict { get; init; }

    /// <summary>Randomness, 0 (always the likeliest token) to 100. Default 0.8.</summary>
    public float? Temperature { get; init; }

    /// <summary>Only the k likeliest tokens; 0 or less for all. Default 40.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the likeliest tokens whose probabilities add up to this, 0 to 1. Default 0.9.</summary>
    public float? TopP { get; init; }

    /// <summary>Only tokens at least this fraction as likely as the likeliest, 0 to 1. Default 0.</summary>
    public float? MinP { get; init; }

    /// <summary>Locally typical sampling, 0 to 1; 1 is off. Default 1.</summary>
    public float? TypicalP { get; init; }

    /// <summary>How many recent tokens the penalties look at; 0 for none, -1 for the whole context. Default 64.</summary>
    public int? RepeatLastN { get; init; }

    /// <summary>Divides the logit of a recent token, above 0; 1 is off. Default 1.1.</summary>
    public float? RepeatPenalty { get; init; }

    /// <summary>Subtracted from the logit of a token that occurred, -100 to 100. Default 0.</summary>
    public float? PresencePenalty { get; init; }

    /// <summary>Subtracted from the logit of a token once for each occurrence, -100 to 100. Default 0.</summary>
    public float? FrequencyPenalty { get; init; }

    /// <summary>Seed of this request's own random state; -1 takes a fresh one. Default -1.</summary>
    public int? Seed { get; init; }

    /// <summary>Texts that end the answer and are not part of it; at most 64, none empty, of 1,024 characters each and 8,192 together: each token of an answer is compared with all.</summary>
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>
    /// Names of options that were given, would change the text, and that no engine of ours applies, such as <c>mirostat</c>; null for none. Engines that stand for
    /// Ollama pass over them as it does, others refuse them. They do not go over MCP.
    /// </summary>
    public IReadOnlyList<string>? Unapplied { get; init; }

    /// <summary>These options where they are set, else those of <paramref name="fallback"/>.</summary>
    public GenerationOptions Over(GenerationOptions fallback) => new()
    {
        NumCtx = NumCtx ?? fallback.NumCtx,
        NumBatch = NumBatch ?? fallback.NumBatch,
        NumThread = NumThread ?? fallback.NumThread,
        NumKeep = NumKeep ?? fallback.NumKeep,
        NumPredict = NumPredict ?? fallback.NumPredict,
        Temperature = Temperature ?? fallback.Temperature,
        TopK = TopK ?? fallback.TopK,
        TopP = TopP ?? fallback.TopP,
        MinP = MinP ?? fallback.MinP,
        TypicalP = TypicalP ?? fallback.TypicalP,
        RepeatLastN = RepeatLastN ?? fallback.RepeatLastN,
        RepeatPenalty = RepeatPenalty ?? fallback.RepeatPenalty,
        PresencePenalty = PresencePenalty ?? fallback.PresencePenalty,
        FrequencyPenalty = FrequencyPenalty ?? fallback.FrequencyPenalty,
        Seed = Seed ?? fallback.Seed,
        Stop = Stop ?? fallback.Stop,
        Unapplied = Unapplied ?? fallback.Unapplied,
    };

    /// <summary>Checks every option that is set.</summary>
    /// <exception cref="InvalidOptionException">The first one out of its range, with the range in the message.</exception>
    public void Validate()
    {
        // Less would be made the least there is, for each caller of the model.
        Range("num_ctx", NumCtx, 1, int.MaxValue);
        Range("num_batch", NumBatch, 1, 8192);
        Range("num_thread", NumThread, 0, 512);
        Range("temperature", Temperature, 0, 100);
        Range("top_p", TopP, 0, 1);
        Range("min_p", MinP, 0, 1);
        Range("typical_p", TypicalP, 0, 1);
        Range("repeat_last_n", RepeatLastN, -1, int.MaxValue);
        Range("presence_penalty", PresencePenalty, -100, 100);
        Range("frequency_penalty", FrequencyPenalty, -100, 100);
        if (RepeatPenalty is { } repeat && !(repeat > 0 && repeat <= 100))
            throw new InvalidOptionException("repeat_penalty", Show(repeat), "a number above 0 and at most 100");
        if (Stop is { Count: > 64 })
            throw new InvalidOptionException("stop", $"{Stop.Count} texts", "at most 64 texts");
        if (Stop?.Any(string.IsNullOrEmpty) == true)
            throw new InvalidOptionException("stop", "an empty text", "texts of at least one character");
        if (Stop?.Max(text => text.Length) > MaxStopLength)
            throw new InvalidOptionException("stop", $"a text of {Stop.Max(text => text.Length)} characters", $"texts of at most {MaxStopLength} characters");
        if (Stop?.Sum(text => text.Length) > MaxStopsLength)
            throw new InvalidOptionException("stop", $"{Stop.Sum(text => text.Length)} characters", $"at most {MaxStopsLength} characters in all texts together");
    }

    private static void Range(string name, float? value, float low, float high)
    {
        // Written so that NaN fails too.
        if (value is { } v && !(v >= low && v <= high))
            throw new InvalidOptionException(name, Show(v), FormattableString.Invariant($"a number from {low} to {high}"));
    }

    private static void Range(string name, int? value, int low, int high)
    {
        if (value is { } v && (v < low || v > high))
        {
            throw new InvalidOptionException(name, FormattableString.Invariant($"{v}"), high == int.MaxValue
                ? FormattableString.Invariant($"a whole number of at least {low}")
                : FormattableString.Invariant($"a whole number from {low} to {high}"));
        }
    }

    private static string Show(float value) => FormattableString.Invariant($"{value}");
}
