namespace Chasqui.Gateway.Nodes;

/// <summary>
/// The two callers that used each model of a node last, so that it can be said when another caller than a given one used it. Not
/// thread-safe.
/// </summary>
internal sealed class ModelUses
{
    private readonly Dictionary<string, Use> _last = new(ModelNames.Comparer);

    /// <summary>A caller uses a model that is there.</summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="caller">The caller's id.</param>
    /// <param name="at">When, as a timestamp.</param>
    public void Note(string model, string caller, long at)
    {
        if (!_last.TryGetValue(model, out var use))
            _last[model] = new Use(caller, at, null, 0);
        else if (use.Caller == caller)
            _last[model] = use with { At = at };
        else
            _last[model] = new Use(caller, at, use.Caller, use.At);
    }

    /// <summary>When another caller used the model last, as a timestamp; null for never.</summary>
    public long? LastOfOthers(string model, string caller) => !_last.TryGetValue(model, out var use) ? null
        : use.Caller != caller ? use.At
        : use.Before is null ? null : use.BeforeAt;

    private readonly record struct Use(string Caller, long At, string? Before, long BeforeAt);
}
