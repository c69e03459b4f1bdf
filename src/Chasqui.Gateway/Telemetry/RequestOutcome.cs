namespace Chasqui.Gateway.Telemetry;

/// <summary>How a request ended.</summary>
public enum RequestOutcome
{
    /// <summary>It was answered.</summary>
    Ok,

    /// <summary>It was wrong, and was told so.</summary>
    Refused,

    /// <summary>It could not be answered, or not to the end.</summary>
    Failed,

    /// <summary>Whoever asked has left.</summary>
    Cancelled,
}

/// <summary>Whether an attempt at a node is a request's first.</summary>
public enum AttemptKind
{
    /// <summary>It is.</summary>
    First,

    /// <summary>One before it has failed.</summary>
    Retry,

    /// <summary>One before it is slow, and goes on.</summary>
    Hedge,
}

internal static class OutcomeTexts
{
    public static string Text(this RequestOutcome outcome) => outcome switch
    {
        RequestOutcome.Ok => "ok",
        RequestOutcome.Refused => "refused",
        RequestOutcome.Failed => "failed",
        _ => "cancelled",
    };

    public static string Text(this AttemptKind kind) => kind switch
    {
        AttemptKind.First => "first",
        AttemptKind.Retry => "retry",
        _ => "hedge",
    };
}
