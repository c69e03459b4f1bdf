using System.Globalization;

namespace Chasqui.Gateway.Policies;

/// <summary>Applies rules to values.</summary>
internal static class OptionValues
{
    /// <summary>What a rule makes of a value; null when it is left out.</summary>
    public static double? Apply(OptionRule rule, double value)
    {
        switch (rule.Treatment)
        {
            case OptionTreatment.Strip:
                return rule.StripsBelow is { } least && value >= least ? value : null;
            case OptionTreatment.Clamp:
                return Math.Max(rule.Values[0], Math.Min(rule.Values[1], value));
            case OptionTreatment.Bucket:
                foreach (var bucket in rule.Values)
                {
                    if (bucket >= value)
                        return bucket;
                }
                return rule.Values[^1];
            default:
                return value;
        }
    }

    /// <summary>A rule for <c>keep_alive</c> with "for ever" as the greatest of values, as it is compared.</summary>
    public static OptionRule Unending(OptionRule rule) =>
        rule.Values.Any(value => value < 0) ? rule with { Values = [.. rule.Values.Select(Unending)] } : rule;

    /// <summary>Seconds, where negative ones mean for ever.</summary>
    public static double Unending(double seconds) => seconds < 0 ? double.PositiveInfinity : seconds;

    /// <summary>A number of tokens, for people and for JSON.</summary>
    public static string Whole(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    /// <summary>Seconds, for people.</summary>
    public static string Duration(double seconds) => double.IsPositiveInfinity(seconds) ? "-1" : GoDuration.Format(GoDuration.FromSeconds(seconds));
}
