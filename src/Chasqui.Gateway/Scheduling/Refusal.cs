namespace Chasqui.Gateway.Scheduling;

/// <summary>Why a request may not even wait.</summary>
public enum RefusalCause
{
    /// <summary>The line is full.</summary>
    Full,

    /// <summary>The caller has too many in line.</summary>
    CallerFull,

    /// <summary>It would wait longer than anybody may.</summary>
    TooLong,

    /// <summary>It would wait longer than it wants to.</summary>
    Deadline,

    /// <summary>The caller has not taken its answers while others waited, and may have one request at a time for a while.</summary>
    Unread,
}

/// <summary>A request that is refused at once.</summary>
/// <param name="Cause">Why.</param>
/// <param name="Position">The place in line that it would have had, from 1.</param>
/// <param name="ExpectedWait">How long it would have waited there.</param>
public sealed record Refusal(RefusalCause Cause, int Position, TimeSpan ExpectedWait);

/// <summary>A node as the scheduler knows it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Running">Requests it runs.</param>
/// <param name="Resident">Models in its memory or on their way there.</param>
/// <param name="ClearingFor">The model for which it takes no other requests, so that there will be room for it; null for none.</param>
public sealed record NodeView(string Name, int Running, IReadOnlyList<string> Resident, string? ClearingFor);

/// <summary>Those who wait for the same model.</summary>
/// <param name="Model">Its canonical name.</param>
/// <param name="Node">The only node that may have them; null for any.</param>
/// <param name="Interactive">Requests in line of the class <see cref="PriorityClass.Interactive"/>.</param>
/// <param name="Normal">Of the class <see cref="PriorityClass.Normal"/>.</param>
/// <param name="Batch">Of the class <see cref="PriorityClass.Batch"/>.</param>
/// <param name="Oldest">How long the one has waited who came first.</param>
/// <param name="Cause">Why they wait.</param>
public sealed record LaneView(string Model, string? Node, int Interactive, int Normal, int Batch, TimeSpan Oldest, WaitCause Cause);
