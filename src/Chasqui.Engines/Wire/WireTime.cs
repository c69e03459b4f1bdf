namespace Chasqui.Engines.Wire;

/// <summary>Durations and times of the wire: nanoseconds, and ticks of 100 ns since 0001-01-01 UTC.</summary>
internal static class WireTime
{
    private const long NanosecondsPerTick = 100;

    internal static long ToWire(TimeSpan span) =>
        Math.Clamp(span.Ticks, long.MinValue / NanosecondsPerTick, long.MaxValue / NanosecondsPerTick) * NanosecondsPerTick;

    internal static TimeSpan FromWire(long nanoseconds) => new(nanoseconds / NanosecondsPerTick);

    internal static long ToTicks(DateTimeOffset time) => time.UtcTicks;

    internal static DateTimeOffset FromTicks(long ticks) =>
        new(Math.Clamp(ticks, DateTimeOffset.MinValue.Ticks, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);
}
