using System.Globalization;

namespace Chasqui.Server;

/// <summary>Reads the values of keys.</summary>
internal static class ConfigurationValues
{
    /// <summary>A Go duration, or a number of seconds.</summary>
    public static TimeSpan? Duration(string value) =>
        GoDuration.TryParse(value, out var duration) ? duration
        : double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && double.IsFinite(seconds) ? GoDuration.FromSeconds(seconds)
        : null;

    /// <summary>A duration within bounds, both of which are allowed; zero too where that has a meaning.</summary>
    public static TimeSpan? Duration(string value, TimeSpan low, TimeSpan high, bool orZero = false) =>
        Duration(value) is { } time && ((time >= low && time <= high) || (orZero && time == TimeSpan.Zero)) ? time : null;

    /// <summary>A whole number within bounds.</summary>
    public static long? Whole(string value, long low, long high) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high ? number : null;

    /// <summary>A number within bounds.</summary>
    public static double? Number(string value, double low, double high) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high ? number : null;

    /// <summary><c>true</c> or <c>false</c>, whatever the case.</summary>
    public static bool? Switch(string value) => bool.TryParse(value, out var on) ? on : null;

    /// <summary>What is expected of a duration, in words.</summary>
    public static string Expected(TimeSpan low, TimeSpan high, string? zero = null) =>
        $"a duration from {GoDuration.Format(low)} to {GoDuration.Format(high)}{(zero is null ? "" : $", or 0 {zero}")}";
}
