namespace Chasqui.Gateway.Catalogue;

/// <summary>
/// Other names for models. A name is looked up once: what an alias stands for is a model, even where that name is an alias too, so there are no
/// circles, and an alias may hide a model of the same name. Immutable and thread-safe.
/// </summary>
public sealed class AliasTable
{
    private readonly Dictionary<string, string> _models = new(ModelNames.Comparer);
    private readonly ILookup<string, string> _aliases;
    private readonly Dictionary<string, string> _spelled = new(ModelNames.Comparer);

    /// <summary>Makes the table.</summary>
    /// <param name="aliases">Alias to model; of two spellings of one name the first counts.</param>
    public AliasTable(IReadOnlyDictionary<string, string> aliases)
    {
        ArgumentNullException.ThrowIfNull(aliases);
        Aliases = aliases;
        foreach (var (alias, model) in aliases)
        {
            // As it is usually asked for, too, so that a look-up makes no text.
            _models.TryAdd(alias, model);
            _models.TryAdd(ModelNames.Canonical(alias), model);
            _spelled.TryAdd(ModelNames.Canonical(alias), alias);
        }
        _aliases = _spelled.Values.ToLookup(alias => ModelNames.Canonical(aliases[alias]), ModelNames.Comparer);
    }

    /// <summary>Alias to model, as configured.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; }

    /// <summary>The aliases of a model, as configured; none where it has none.</summary>
    /// <param name="model">Its own name.</param>
    public IReadOnlyList<string> Of(string model) => [.. _aliases[ModelNames.Canonical(model)]];

    /// <summary>The names under which lists have a model: its aliases, then its own unless it is that of an alias.</summary>
    /// <param name="model">Its own name.</param>
    public IReadOnlyList<string> NamesOf(string model) => Spelled(model) is null ? [.. Of(model), model] : Of(model);

    /// <summary>The alias of this name as it was configured; null where the name is no alias.</summary>
    public string? Spelled(string name) => _spelled.GetValueOrDefault(ModelNames.Canonical(name));

    /// <summary>The model that a name stands for; the name itself where it is no alias.</summary>
    public string Resolve(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_models.Count == 0)
            return name;
        return _models.TryGetValue(name, out var model) || _models.TryGetValue(ModelNames.Canonical(name), out model) ? model : name;
    }
}
