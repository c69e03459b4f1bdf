using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Merging;

/// <summary>Parts that go upstream together. Its state is its merger's to change.</summary>
internal sealed class MergedCall : IDisposable
{
    private readonly CancellationTokenSource _cancel = new();

    public MergedCall(IReadOnlyList<MergePart> parts, bool isAgain = false)
    {
        IsAgain = isAgain;
        Parts = parts;
        Staying = parts.Count;
        foreach (var part in parts)
        {
            part.Call = this;
            Inputs += part.Inputs.Count;
        }
    }

    public IReadOnlyList<MergePart> Parts { get; }

    public int Inputs { get; }

    /// <summary>Whether it is a part of one that was refused.</summary>
    public bool IsAgain { get; }

    /// <summary>Callers that are still there.</summary>
    public int Staying { get; set; }

    public CancellationToken Token => _cancel.Token;

    /// <summary>All texts in the order of the parts.</summary>
    public IReadOnlyList<string> Texts()
    {
        if (Parts.Count == 1)
            return Parts[0].Inputs;
        var texts = new List<string>(Inputs);
        foreach (var part in Parts)
            texts.AddRange(part.Inputs);
        return texts;
    }

    /// <summary>What each caller pays of it, in proportion to its texts; none where that is one caller.</summary>
    public IReadOnlyList<TicketShare> Sharers()
    {
        if (Parts.Count == 1)
            return [];
        var shares = new Dictionary<string, TicketShare>(StringComparer.Ordinal);
        foreach (var part in Parts)
        {
            var caller = part.Measure?.Caller ?? Caller.Anonymous;
            var before = shares.TryGetValue(caller.Id, out var known) ? known.Weight : 0;
            shares[caller.Id] = new TicketShare(caller, before + TokenShares.WeightOf(part.Inputs));
        }
        return shares.Count == 1 ? [] : [.. shares.Values];
    }

    /// <summary>Nobody waits for it any more.</summary>
    public void Cancel()
    {
        try
        {
            // Whoever leaves need not run what that sets off.
            _ = _cancel.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    public void Dispose() => _cancel.Dispose();
}
