using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway.Shaping;

/// <summary>The limits of models. Immutable; what they limit is guarded by the shaper's lock.</summary>
internal sealed class ModelLimits
{
    private readonly (string Key, NameFilter Filter, LimitState State, bool IsNone)[] _entries;

    private ModelLimits((string Key, NameFilter Filter, LimitState State, bool IsNone)[] entries) => _entries = entries;

    /// <summary>No limits.</summary>
    public static ModelLimits None { get; } = new([]);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => Array.TrueForAll(_entries, entry => entry.IsNone);

    /// <summary>The limit that holds for a model; null for none.</summary>
    public LimitState? Find(string model)
    {
        foreach (var entry in _entries)
        {
            if (entry.Filter.Allows(model))
                return entry.IsNone ? null : entry.State;
        }
        return null;
    }

    /// <summary>Other limits; where the patterns are the same, what was used stays used, and where they are there no more, nobody waits for them any longer.</summary>
    public ModelLimits With(IReadOnlyList<ModelLimit> limits, long now)
    {
        var entries = new List<(string Key, NameFilter Filter, LimitState State, bool IsNone)>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var limit in limits)
        {
            var key = string.Join(", ", limit.Models);
            // The first that names a model holds, so that a second one of the same patterns never does.
            if (!keys.Add(key))
                continue;
            var state = _entries.FirstOrDefault(entry => entry.Key == key).State ?? new LimitState($"model {key}");
            state.Apply(limit.Limit, now);
            // One without a limit exempts its models from those that come after it.
            entries.Add((key, new NameFilter(limit.Models, []), state, limit.Limit.IsNone));
        }
        foreach (var (key, _, state, _) in _entries)
        {
            if (!keys.Contains(key))
                state.Apply(TrafficLimit.None, now);
        }
        return new ModelLimits([.. entries]);
    }
}
