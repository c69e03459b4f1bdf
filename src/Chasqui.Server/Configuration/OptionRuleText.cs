using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>Rules for options as texts: <c>keep</c>, <c>strip</c>, <c>clamp 2048 32768</c>, <c>bucket 4096 8192 32768</c>.</summary>
internal static class OptionRuleText
{
    /// <summary>What is expected of a rule for a number of tokens.</summary>
    public const string ExpectedTokens = "keep, strip, clamp LOW HIGH or bucket A B C …, with whole numbers from 1 to 16777216, such as clamp 2048 32768";

    /// <summary>What is expected of a rule for a duration.</summary>
    public const string ExpectedDurations = "keep, strip, clamp LOW HIGH or bucket A B C …, with durations or -1 for ever, such as clamp 1m 1h";

    private const int MaxBuckets = 64;
    private const int MaxTokens = 1 << 24;

    /// <summary>A rule for a number of tokens.</summary>
    public static OptionRule? Tokens(string text) => Parse(text, value => ConfigurationValues.Whole(value, 1, MaxTokens));

    /// <summary>A rule for a duration, in seconds; -1 for ever.</summary>
    public static OptionRule? Durations(string text) => Parse(text, value => ConfigurationValues.Duration(value) switch
    {
        { } time when time < TimeSpan.Zero => -1,
        { } time => time.TotalSeconds,
        _ => null,
    });

    private static OptionRule? Parse(string text, Func<string, double?> read)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length == 0 || words.Length > MaxBuckets + 1)
            return null;
        var values = new List<double>();
        foreach (var word in words.Skip(1))
        {
            if (read(word) is not { } value)
                return null;
            values.Add(value);
        }
        return words[0].ToLowerInvariant() switch
        {
            "keep" when values.Count == 0 => OptionRule.Keep,
            "strip" when values.Count == 0 => new OptionRule(OptionTreatment.Strip, []),
            "clamp" when values.Count == 2 && Order(values[0]) <= Order(values[1]) => new OptionRule(OptionTreatment.Clamp, values),
            "bucket" when values.Count > 0 => new OptionRule(OptionTreatment.Bucket, [.. values.Distinct().OrderBy(Order)]),
            _ => null,
        };
    }

    /// <summary>For ever is longer than anything.</summary>
    private static double Order(double value) => value < 0 ? double.PositiveInfinity : value;
}
