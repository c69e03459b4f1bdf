using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Limits</c>.</summary>
internal static class LimitKeys
{
    private const string PerMinute = "a whole number from 0 to 1000000000";
    private const string Burst = "a whole number from 1 to 1000000000";

    private static readonly LimitOptions _default = new();
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(10);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Overall("RequestsPerMinute", PerMinute, KeyFields.Limit, "no limit", "Requests that are let in a minute, of all callers together; 0 for none at all.", (limit, value) => limit with { RequestsPerMinute = value }),
        Overall("RequestBurst", Burst, KeyFields.Burst, "those of a minute", "Requests that are let in at once after a pause.", (limit, value) => limit with { RequestBurst = value }),
        Overall("TokensPerMinute", PerMinute, KeyFields.Limit, "no limit", "Tokens of prompts and answers a minute, of all callers together; 0 for none at all.", (limit, value) => limit with { TokensPerMinute = value }),
        Overall("TokenBurst", Burst, KeyFields.Burst, "those of a minute", "Tokens at once after a pause.", (limit, value) => limit with { TokenBurst = value }),
        new("Limits:MaxDelay", false, "string", GoDuration.Format(_default.MaxDelay), ConfigurationValues.Expected(TimeSpan.Zero, _longest),
            "A request that a limit would let in within this time waits for its turn; any other is refused with 429.",
            (options, values) => ConfigurationValues.Duration(values[0], TimeSpan.Zero, _longest) is { } time ? With(options, limits => limits with { MaxDelay = time }) : null)
        { Reloads = true },
        Whole("MaxWaiting", _default.MaxWaiting, 0, 100_000, "Requests that may wait so at a time; further ones are refused.", (limits, value) => limits with { MaxWaiting = value }),
        Whole("DefaultOutputTokens", _default.DefaultOutputTokens, 0, 1_000_000,
            "Tokens of an answer that are counted beforehand where a request does not say how many it wants; at its end the real number takes their place.",
            (limits, value) => limits with { DefaultOutputTokens = value }),
    ];

    /// <summary>The key <c>Limits:Models</c>.</summary>
    public static ConfigurationTable Table() => new ConfigurationTable<ModelLimit>(
        "Limits:Models", "Limits of models, whoever asks. The models of one entry share it, and the first entry that names a model holds for it.", "none",
        [
            new("Models", true, "string", "*", "a pattern of models' names", "The models that it is for; `*` stands for any text.",
                (limit, values) => values.Count > 0 && values.All(value => value.Length > 0) ? limit with { Models = values } : null),
            Of("RequestsPerMinute", PerMinute, KeyFields.Limit, "no limit", "Requests that are let in a minute; 0 for none at all.", (limit, value) => limit with { RequestsPerMinute = value }),
            Of("RequestBurst", Burst, KeyFields.Burst, "those of a minute", "Requests that are let in at once after a pause.", (limit, value) => limit with { RequestBurst = value }),
            Of("TokensPerMinute", PerMinute, KeyFields.Limit, "no limit", "Tokens of prompts and answers a minute; 0 for none at all.", (limit, value) => limit with { TokensPerMinute = value }),
            Of("TokenBurst", Burst, KeyFields.Burst, "those of a minute", "Tokens at once after a pause.", (limit, value) => limit with { TokenBurst = value }),
        ],
        () => new ModelLimit(["*"], TrafficLimit.None), _ => null, (options, limits) => With(options, all => all with { Models = limits }));

    private static ConfigurationKey Overall(
        string name, string expected, Func<string, long?> read, string @default, string meaning, Func<TrafficLimit, long, TrafficLimit> apply) =>
        new($"Limits:{name}", false, "integer", @default, expected, meaning,
            (options, values) => read(values[0]) is { } value ? With(options, limits => limits with { Overall = apply(limits.Overall, value) }) : null)
        { Minimum = expected == Burst ? 1 : 0, Maximum = TrafficLimit.Max, Reloads = true };

    private static ItemKey<ModelLimit> Of(
        string name, string expected, Func<string, long?> read, string @default, string meaning, Func<TrafficLimit, long, TrafficLimit> apply) =>
        new(name, false, "integer", @default, expected, meaning,
            (limit, values) => read(values[0]) is { } value ? limit with { Limit = apply(limit.Limit, value) } : null)
        { Minimum = expected == Burst ? 1 : 0, Maximum = TrafficLimit.Max };

    private static ConfigurationKey Whole(string name, int @default, int low, int high, string meaning, Func<LimitOptions, int, LimitOptions> apply) =>
        new($"Limits:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to {high}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? With(options, limits => apply(limits, (int)value)) : null)
        { Minimum = low, Maximum = high, Reloads = true };

    private static GatewayOptions With(GatewayOptions options, Func<LimitOptions, LimitOptions> change) => options with { Limits = change(options.Limits) };
}
