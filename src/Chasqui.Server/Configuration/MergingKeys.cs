using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Merging</c>.</summary>
internal static class MergingKeys
{
    private static readonly MergingOptions _default = new();
    private static readonly TimeSpan _shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(1);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("Merging:Strategy", false, "string", "dynamic", "realtime, fixed or dynamic",
            "When requests for vectors go to a node together: never; those of one window; or only while another call is under way, so that nobody waits where nothing is to be gained.",
            (options, values) => StrategyOf(values[0]) is { } strategy ? options with { Merging = options.Merging with { Strategy = strategy } } : null)
        { Choices = ["realtime", "fixed", "dynamic"], Reloads = true },
        new("Merging:Window", false, "string", GoDuration.Format(_default.Window), ConfigurationValues.Expected(_shortest, _longest),
            "How long a text waits for others at most, while it might go.",
            (options, values) => ConfigurationValues.Duration(values[0], _shortest, _longest) is { } time ? options with { Merging = options.Merging with { Window = time } } : null)
        { Reloads = true },
        Whole("MaxInputs", _default.MaxInputs, 1, 10_000,
            "Most texts of a call; a request with more is sent in parts.", (merging, number) => merging with { MaxInputs = number }),
        Whole("MaxCharacters", _default.MaxCharacters, 1 << 10, 64 << 20,
            "Most characters of its texts; a request with more is sent in parts.", (merging, number) => merging with { MaxCharacters = number }),
        new("Merging:Share", false, "boolean", "true", "true or false",
            "Whether equal requests that always have the same answer are one while they run.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { Merging = options.Merging with { Share = on } } : null)
        { Reloads = true },
        Whole("ShareBuffer", _default.ShareBuffer, 4 << 10, 64 << 20,
            "Bytes of such an answer that are kept for those who come later or read slowly; nobody joins one that is longer.", (merging, number) => merging with { ShareBuffer = number }),
    ];

    private static MergeStrategy? StrategyOf(string value) => value switch
    {
        "realtime" => MergeStrategy.Realtime,
        "fixed" => MergeStrategy.Fixed,
        "dynamic" => MergeStrategy.Dynamic,
        _ => null,
    };

    private static ConfigurationKey Whole(string name, int @default, int low, int high, string meaning, Func<MergingOptions, int, MergingOptions> apply) =>
        new($"Merging:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to {high}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? options with { Merging = apply(options.Merging, (int)value) } : null)
        { Minimum = low, Maximum = high, Reloads = true };
}
