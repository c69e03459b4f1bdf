using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Routing</c>.</summary>
internal static class RoutingKeys
{
    private static readonly RoutingOptions _default = new();
    private static readonly TimeSpan _tenMinutes = TimeSpan.FromMinutes(10);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Duration("RefreshInterval", _default.RefreshInterval, Milliseconds(100), TimeSpan.FromHours(1), null,
            "How often each node is asked what it has.", (routing, time) => routing with { RefreshInterval = time }),
        Whole("MaxAttempts", _default.MaxAttempts, 1, 10,
            "Nodes that one request may be sent to before it has an answer.", (routing, number) => routing with { MaxAttempts = number }),
        new("Routing:Continue", false, "boolean", "true", "true or false",
            "Whether another node with the same weights goes on with an answer whose node fails in the middle.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { Routing = options.Routing with { Continue = on } } : null) { Reloads = true },
        new("Routing:RetryBudget", false, "number", _default.RetryBudget.ToString(CultureInfo.InvariantCulture), "a number from 0 to 10",
            "Second attempts allowed for each first one, averaged over ten seconds, beside ten that are always allowed.",
            (options, values) => ConfigurationValues.Number(values[0], 0, 10) is { } budget ? options with { Routing = options.Routing with { RetryBudget = budget } } : null)
        { Minimum = 0, Maximum = 10, Reloads = true },
        Whole("FailureThreshold", _default.FailureThreshold, 1, 1000,
            "Failures in a row that close a node off.", (routing, number) => routing with { FailureThreshold = number }),
        Duration("BreakerPause", _default.BreakerPause, Milliseconds(10), _tenMinutes, null,
            "How long a node stays closed off the first time, doubled each further time up to a minute.", (routing, time) => routing with { BreakerPause = time }),
        Duration("RampUp", _default.RampUp, TimeSpan.Zero, _tenMinutes, null,
            "How long a node that returned takes to get its full share again.", (routing, time) => routing with { RampUp = time }),
        Duration("StallAfter", _default.StallAfter, Milliseconds(100), TimeSpan.FromHours(1), null,
            "How long a node with the model in memory may say nothing at all before requests without an answer move to another one.", (routing, time) => routing with { StallAfter = time }),
        Duration("CanaryAfter", _default.CanaryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24), "for never",
            "An idle node with a model in memory that has generated nothing for this long is asked for one token.", (routing, time) => routing with { CanaryAfter = time }),
        Duration("CanaryTimeout", _default.CanaryTimeout, Milliseconds(100), _tenMinutes, null,
            "How long that one token may take.", (routing, time) => routing with { CanaryTimeout = time }),
        Duration("HedgeAfter", _default.HedgeAfter, Milliseconds(10), _tenMinutes, "for never",
            FormattableString.Invariant($"How long an embedding, or a generation whose prompt has about {RoutingOptions.ShortPrompt} tokens at most, may wait before it is sent to a second node too."), (routing, time) => routing with { HedgeAfter = time }),
        new("Routing:PrefixAffinity", false, "boolean", _default.PrefixAffinity ? "true" : "false", "true or false",
            "Whether conversations go back to the node that has computed their beginning, within the bounds of its load.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { Routing = options.Routing with { PrefixAffinity = on } } : null) { Reloads = true },
        Duration("KeepAliveInterval", _default.KeepAliveInterval, Milliseconds(100), _tenMinutes, null,
            "How long a load may be silent before the client hears something valid in its protocol.", (routing, time) => routing with { KeepAliveInterval = time }),
    ];

    private static TimeSpan Milliseconds(int count) => TimeSpan.FromMilliseconds(count);

    private static ConfigurationKey Duration(
        string name, TimeSpan @default, TimeSpan low, TimeSpan high, string? zero, string meaning, Func<RoutingOptions, TimeSpan, RoutingOptions> apply) =>
        new($"Routing:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(low, high, zero), meaning,
            (options, values) => ConfigurationValues.Duration(values[0], low, high, zero is not null) is { } time
                ? options with { Routing = apply(options.Routing, time) } : null)
        { Reloads = true };

    private static ConfigurationKey Whole(string name, int @default, int low, int high, string meaning, Func<RoutingOptions, int, RoutingOptions> apply) =>
        new($"Routing:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to {high}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? options with { Routing = apply(options.Routing, (int)value) } : null)
        { Minimum = low, Maximum = high, Reloads = true };
}
