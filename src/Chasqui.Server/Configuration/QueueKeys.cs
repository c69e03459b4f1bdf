using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Queue</c>.</summary>
internal static class QueueKeys
{
    private static readonly QueueOptions _default = new();
    private static readonly TimeSpan _day = TimeSpan.FromHours(24);
    private static readonly TimeSpan _little = TimeSpan.FromMilliseconds(10);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Whole("MaxWaiting", _default.MaxWaiting,
            "Requests that may wait for a slot at once; one more is refused with 503.", (queue, number) => queue with { MaxWaiting = number }),
        Whole("MaxWaitingPerCaller", _default.MaxWaitingPerCaller,
            "Requests of one caller that may; one more is refused with 429.", (queue, number) => queue with { MaxWaitingPerCaller = number }),
        Duration("MaxWait", _default.MaxWait, _little, _day,
            "A request that would have to wait longer, or has, is refused with 503.", (queue, time) => queue with { MaxWait = time }),
        Duration("SwapBound", _default.SwapBound, TimeSpan.Zero, TimeSpan.FromHours(1),
            "How long requests for models in memory run before those that need another one loaded.", (queue, time) => queue with { SwapBound = time }),
        Duration("AgingAfter", _default.AgingAfter, _little, _day,
            "From then on one of eight free slots goes to a request that has waited for so long, whatever is more urgent.", (queue, time) => queue with { AgingAfter = time }),
        Duration("StallGrace", _default.StallGrace, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1),
            "How long an answer may wait for a client that takes nothing of it, while requests of others wait for its slot. Then the connection is closed, over MCP the stream is reset.",
            (queue, time) => queue with { StallGrace = time }),
    ];

    private static ConfigurationKey Duration(string name, TimeSpan @default, TimeSpan low, TimeSpan high, string meaning, Func<QueueOptions, TimeSpan, QueueOptions> apply) =>
        new($"Queue:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(low, high), meaning,
            (options, values) => ConfigurationValues.Duration(values[0], low, high) is { } time ? options with { Queue = apply(options.Queue, time) } : null)
        { Reloads = true };

    private static ConfigurationKey Whole(string name, int @default, string meaning, Func<QueueOptions, int, QueueOptions> apply) =>
        new($"Queue:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), "a whole number from 0 to 1000000", meaning,
            (options, values) => ConfigurationValues.Whole(values[0], 0, 1_000_000) is { } value ? options with { Queue = apply(options.Queue, (int)value) } : null)
        { Minimum = 0, Maximum = 1_000_000, Reloads = true };
}
