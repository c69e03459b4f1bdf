using System.Collections.Concurrent;

namespace Chasqui.Gateway.Telemetry;

/// <summary>
/// The names of models that may be labels: those that exist, and at most <see cref="Limit"/> of them, for one model has many spellings. What exists is
/// asked of a catalogue; where there is none, a name exists once a request for it has succeeded. Thread-safe.
/// </summary>
internal sealed class ModelLabels
{
    public const int Limit = 1_000;

    private readonly ConcurrentDictionary<string, string> _known = new(StringComparer.Ordinal);

    /// <summary>Whether a model of that name exists; null while nobody knows.</summary>
    public Func<string, bool>? Exists { get; set; }

    /// <summary>The label for a name.</summary>
    /// <param name="name">As it was asked for.</param>
    /// <param name="succeeded">Whether a request for it has just succeeded.</param>
    public string Label(string name, bool succeeded)
    {
        if (_known.TryGetValue(name, out var known))
            return known;
        if (!(succeeded || Exists?.Invoke(name) == true) || _known.Count >= Limit)
            return TelemetryNames.OtherModel;
        return _known.GetOrAdd(name, name);
    }
}
