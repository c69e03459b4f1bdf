using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway.Shaping;

/// <summary>The limits of models. Immutable; what they limit is guarded by the shaper's lock.</summary>
internal sealed class ModelLimits
{
    private readonly (string Key, NameFilter Filter, LimitState State)[] _entries;

    private ModelLimits((string Key, NameFilter Filter, LimitState State)[] entries) => _entries = entries;

    /// <summary>No limits.</summary>
    public static ModelLimits None { get; } = new([]);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _entries.Length == 0;

    /// <summary>The limit that holds for a model; null for none.</summary>
    public LimitState? Find(string model)
    {
        foreach (var entry in _entries)
        {
            if (entry.Filter.Allows(model))
                return entry.State;
        }
        return null;
    }

    /// <summary>Other limits; where the patterns are the same, what was used stays used.</summary>
    public ModelLimits With(IReadOnlyList<ModelLimit> limits, long now)
    {
        var entries = new List<(string, NameFilter, LimitState)>();
        foreach (var limit in limits)
        {
            var key = string.Join(", ", limit.Models);
            var state = _entries.FirstOrDefault(entry => entry.Key == key).State ?? new LimitState($"model {key}");
            state.Apply(limit.Limit, now);
            if (!limit.Limit.IsNone)
                entries.Add((key, new NameFilter(limit.Models, []), state));
        }
        return new ModelLimits([.. entries]);
    }
}
