using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>What the fields of a key may be; the file and the command line take the same. Each reads a text, and is null for one that is wrong.</summary>
public static class KeyFields
{
    /// <summary>What a name must be; so a tenant, which may be empty.</summary>
    public const string ExpectedName = "1 to 100 characters without control characters";

    /// <summary>What a class of priority must be.</summary>
    public const string ExpectedPriority = "interactive, normal or batch";

    /// <summary>What a weight must be.</summary>
    public const string ExpectedWeight = "a number from 0.01 to 1000";

    /// <summary>What a limit must be.</summary>
    public const string ExpectedLimit = "a whole number from 0 to 1000000000";

    /// <summary>What a burst must be.</summary>
    public const string ExpectedBurst = "a whole number from 1 to 1000000000";

    /// <summary>What the requests at a time must be.</summary>
    public const string ExpectedConcurrency = "a whole number from 1 to 1000000";

    /// <summary>What a pattern of models must be.</summary>
    public const string ExpectedPattern = "a pattern of models' names, such as llama3* or mini, without white space";

    /// <summary>What a time must be.</summary>
    public const string ExpectedTime = "a time such as 2027-01-31 or 2027-01-31T12:00:00Z";

    /// <summary>A name or a tenant.</summary>
    public static string? Text(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is >= 1 and <= 100 && !text.Any(char.IsControl) ? text : null;
    }

    /// <summary>A class of priority.</summary>
    public static PriorityClass? Priority(string text) => text?.ToLowerInvariant() switch
    {
        "interactive" => PriorityClass.Interactive,
        "normal" => PriorityClass.Normal,
        "batch" => PriorityClass.Batch,
        _ => null,
    };

    /// <summary>A class by its name.</summary>
    public static string Name(PriorityClass priority) => priority switch
    {
        PriorityClass.Interactive => "interactive",
        PriorityClass.Batch => "batch",
        _ => "normal",
    };

    /// <summary>A weight.</summary>
    public static double? Weight(string text) => ConfigurationValues.Number(text, 0.01, 1000);

    /// <summary>Requests or tokens a minute.</summary>
    public static long? Limit(string text) => ConfigurationValues.Whole(text, 0, TrafficLimit.Max);

    /// <summary>Requests or tokens at once.</summary>
    public static long? Burst(string text) => ConfigurationValues.Whole(text, 1, TrafficLimit.Max);

    /// <summary>Requests at a time.</summary>
    public static long? Concurrency(string text) => ConfigurationValues.Whole(text, 1, 1_000_000);

    /// <summary>A pattern of models.</summary>
    public static string? Pattern(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is >= 1 and <= 400 && !text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) ? text : null;
    }

    /// <summary>A time; one that names no zone is of UTC.</summary>
    public static DateTimeOffset? Time(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;
}
