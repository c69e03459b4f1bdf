namespace Chasqui.Gateway.Policies;

/// <summary>The rules that hold for one model. What a client does not say is left unsaid. Immutable and thread-safe.</summary>
/// <param name="policy">As configured.</param>
public sealed class OptionPolicy(ModelPolicy policy)
{
    private static readonly OptionPolicy _nothing = new(new ModelPolicy());

    private OptionPolicy? _held;

    internal OptionRule NumCtx { get; } = policy.NumCtx;

    internal OptionRule NumBatch { get; } = policy.NumBatch;

    internal OptionRule KeepAlive { get; } = OptionValues.Unending(policy.KeepAlive);

    /// <summary>
    /// The same rules for a model that the caller may not unload: a <c>keep_alive</c> that is shorter than usual is left out, so that the
    /// model stays for as long as its node
    /// keeps one. A rule for it that there is holds as it is.
    /// </summary>
    /// <param name="policy">The rules; null for none.</param>
    /// <param name="usual">What is not too short.</param>
    internal static OptionPolicy Held(OptionPolicy? policy, TimeSpan usual)
    {
        var rules = policy ?? _nothing;
        return rules.KeepAlive.Treatment != OptionTreatment.Keep ? rules : rules._held ??= rules.Holding(usual);
    }

    private OptionPolicy Holding(TimeSpan usual) => new(policy with { KeepAlive = new OptionRule(OptionTreatment.Strip, []) { StripsBelow = usual.TotalSeconds } });

    /// <summary>Applies the rules for options to a request by types.</summary>
    /// <param name="options">What the client said.</param>
    /// <param name="changes">Gets what was changed.</param>
    /// <returns>The same object when nothing is changed.</returns>
    public GenerationOptions Apply(GenerationOptions options, ICollection<OptionChange> changes)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(changes);
        if (Changed("num_ctx", NumCtx, options.NumCtx, changes, out var context))
            options = options with { NumCtx = context };
        if (Changed("num_batch", NumBatch, options.NumBatch, changes, out var batch))
            options = options with { NumBatch = batch };
        return options;
    }

    /// <summary>Applies the rule for <c>keep_alive</c> to a request by types.</summary>
    /// <param name="keepAlive">What the client said; negative for ever, null for nothing.</param>
    /// <param name="changes">Gets what was changed.</param>
    public TimeSpan? ApplyKeepAlive(TimeSpan? keepAlive, ICollection<OptionChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (keepAlive is not { } said)
            return null;
        var seconds = OptionValues.Unending(said.TotalSeconds);
        var result = OptionValues.Apply(KeepAlive, seconds);
        if (result == seconds)
            return keepAlive;
        changes.Add(new OptionChange("keep_alive", OptionValues.Duration(seconds), result is { } to ? OptionValues.Duration(to) : null));
        return result is not { } value ? null : double.IsPositiveInfinity(value) ? Timeout.InfiniteTimeSpan : GoDuration.FromSeconds(value);
    }

    private static bool Changed(string name, OptionRule rule, int? said, ICollection<OptionChange> changes, out int? result)
    {
        result = said;
        if (said is not { } value || OptionValues.Apply(rule, value) is var made && made == value)
            return false;
        result = (int?)made;
        changes.Add(new OptionChange(name, OptionValues.Whole(value), made is { } to ? OptionValues.Whole(to) : null));
        return true;
    }
}
