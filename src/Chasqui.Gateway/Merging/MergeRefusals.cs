namespace Chasqui.Gateway.Merging;

/// <summary>What those are told who come while too many wait to be sent; the bounds are those of the queue.</summary>
internal static class MergeRefusals
{
    public static QueueRefusedException Full(int most, int waiting, bool isCallers) => new(FormattableString.Invariant(
        $"server busy, please try again.  maximum pending requests exceeded: {most}{(isCallers ? " of this caller" : "")} wait already"))
    {
        Position = waiting + 1,
        IsCallers = isCallers,
    };
}
