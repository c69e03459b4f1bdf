using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Dispatch;

/// <summary>What those are told who may not wait.</summary>
internal static class QueueRefusals
{
    // Ollama's text, two spaces included; clients look for it before they try again.
    private const string Busy = "server busy, please try again.  maximum pending requests exceeded";

    public static QueueRefusedException Of(Refusal refusal, Ticket ticket, QueueOptions options)
    {
        var expected = Text(refusal.ExpectedWait);
        var message = refusal.Cause switch
        {
            RefusalCause.Full => FormattableString.Invariant($"{Busy}: {options.MaxWaiting} wait already, and the wait would be about {expected}"),
            RefusalCause.CallerFull => FormattableString.Invariant($"{Busy}: {options.MaxWaitingPerCaller} of this caller wait already, and the wait would be about {expected}"),
            RefusalCause.Unread => FormattableString.Invariant($"answers of this caller were not read while others waited for their slots; for {expected} it may have one request at a time"),
            RefusalCause.Deadline => FormattableString.Invariant($"{Busy}: the wait would be about {expected}, but the request allows {Text(ticket.MaxWait!.Value)}"),
            _ => FormattableString.Invariant($"{Busy}: the wait would be about {expected}, but {Text(options.MaxWait)} are allowed"),
        };
        return new QueueRefusedException(message)
        {
            RetryAfter = RetryAfter(refusal.ExpectedWait),
            Position = refusal.Position,
            ExpectedWait = refusal.ExpectedWait,
            IsCallers = refusal.Cause is RefusalCause.CallerFull or RefusalCause.Unread,
        };
    }

    /// <summary>Of one that has waited in vain.</summary>
    public static QueueRefusedException Late(Ticket ticket) => new(FormattableString.Invariant(
        $"{Busy}: no slot was free for {Text(ticket.Waited)}, which is as long as the request may wait (expected were {Text(ticket.ExpectedWait)})"))
    {
        RetryAfter = RetryAfter(ticket.ExpectedWait),
        Position = Math.Max(1, ticket.Position),
        ExpectedWait = ticket.ExpectedWait,
    };

    private static TimeSpan RetryAfter(TimeSpan wait) => TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling(wait.TotalSeconds), 1, 3600));

    private static string Text(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.#} s");
}
