using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Limits</c> that bound what requests may hold of the gateway.</summary>
internal static class LoadKeys
{
    private const long MaxBytes = 1L << 40;

    private static readonly LoadOptions _default = new();
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Bytes("BodyBytes", 1 << 20, "the lesser of 256 MiB and a quarter of the memory",
            "Bytes of request bodies that are in memory at a time, of all callers together. What does not fit waits, and is refused with 503 then.",
            (load, value) => load with { BodyBytes = value }),
        Bytes("BodyBytesPerCaller", 64 << 10, "a quarter of `Limits:BodyBytes`",
            "The same of one caller, which is a key, or without one an address; what does not fit is refused with 429. One body of each caller may be beyond it, so the largest that there may be always fits.",
            (load, value) => load with { BodyBytesPerCaller = value }),
        Time("BodyDelay", _default.BodyDelay, TimeSpan.Zero, TimeSpan.FromMinutes(1), "How long a body waits for room, while it is not read on.", (load, value) => load with { BodyDelay = value }),
        Time("BodyIdleTimeout", _default.BodyIdleTimeout, _second, TimeSpan.FromHours(1), "How long a body may bring no byte. Then the request is answered with 408, and a connection of HTTP is closed.", (load, value) => load with { BodyIdleTimeout = value }),
        Time("BodyTimeout", _default.BodyTimeout, _second, TimeSpan.FromHours(24), "How long a body may take in all. Blobs, which go to the disk, may take longer.", (load, value) => load with { BodyTimeout = value }),
        Whole("RequestsPerCaller", _default.RequestsPerCaller, 1, "Requests of one caller that may run or wait at a time, where its key does not say; one more is refused with 429.",
            (load, value) => load with { RequestsPerCaller = value }),
        Whole("SubscriptionsPerCaller", _default.SubscriptionsPerCaller, 0, "Event streams of one caller that may be open at a time: channels over MCP, and events of sessions. They do not count as requests.",
            (load, value) => load with { SubscriptionsPerCaller = value }),
        Whole("ConnectionsPerAddress", _default.ConnectionsPerAddress, 1, "Connections of HTTP, and those of MCP, that one address may have open at a time; the machine's own addresses may have as many as there are. Behind a proxy on another machine all come from one address.",
            (load, value) => load with { ConnectionsPerAddress = value }),
    ];

    private static ConfigurationKey Bytes(string name, long low, string @default, string meaning, Func<LoadOptions, long, LoadOptions> apply) =>
        new($"Limits:{name}", false, "integer", @default, FormattableString.Invariant($"a whole number from {low} to {MaxBytes}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, MaxBytes) is { } value ? With(options, load => apply(load, value)) : null)
        { Minimum = low, Maximum = MaxBytes, Reloads = true };

    private static ConfigurationKey Time(string name, TimeSpan @default, TimeSpan low, TimeSpan high, string meaning, Func<LoadOptions, TimeSpan, LoadOptions> apply) =>
        new($"Limits:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(low, high), meaning,
            (options, values) => ConfigurationValues.Duration(values[0], low, high) is { } value ? With(options, load => apply(load, value)) : null)
        { Reloads = true };

    private static ConfigurationKey Whole(string name, int @default, int low, string meaning, Func<LoadOptions, int, LoadOptions> apply) =>
        new($"Limits:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to 1000000"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, 1_000_000) is { } value ? With(options, load => apply(load, (int)value)) : null)
        { Minimum = low, Maximum = 1_000_000, Reloads = true };

    private static GatewayOptions With(GatewayOptions options, Func<LoadOptions, LoadOptions> change) => options with { Limits = options.Limits with { Load = change(options.Limits.Load) } };
}
