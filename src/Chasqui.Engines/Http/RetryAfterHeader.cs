using System.Globalization;

namespace Chasqui.Engines.Http;

/// <summary>The header <c>Retry-After</c> (RFC 9110, section 10.2.3). Pure.</summary>
public static class RetryAfterHeader
{
    /// <summary>Its name.</summary>
    public const string Name = "Retry-After";

    // What is told to wait for longer is told to give up.
    private static readonly TimeSpan _longest = TimeSpan.FromDays(1);

    /// <summary>Reads it: seconds, or the time at which it is over.</summary>
    /// <param name="value">The header's value; null where there is none.</param>
    /// <param name="time">The clock.</param>
    /// <returns>How long to wait, at most a day; null where that is not said, or the time is past.</returns>
    public static TimeSpan? Read(string? value, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        value = value?.Trim();
        if (string.IsNullOrEmpty(value))
            return null;
        if (value.All(char.IsAsciiDigit))
            return ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < _longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : _longest;
        if (!DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until))
            return null;
        var wait = until - time.GetUtcNow();
        return wait <= TimeSpan.Zero ? null : wait < _longest ? wait : _longest;
    }
}
