using System.Globalization;

namespace Chasqui.Server;

/// <summary>A key whose value is a list of objects.</summary>
/// <param name="name">Its full name, e.g. <c>Nodes</c>.</param>
/// <param name="meaning">What it does.</param>
/// <param name="default">The default, for people.</param>
internal abstract class ConfigurationTable(string name, string meaning, string @default)
{
    /// <summary>Every list there is.</summary>
    public static IReadOnlyList<ConfigurationTable> All { get; } = [NodeTable.Create(), ModelTables.Aliases(), ModelTables.Policies(), LimitKeys.Table()];

    public string Name { get; } = name;

    public string Meaning { get; } = meaning;

    public string Default { get; } = @default;

    /// <summary>The keys of one item.</summary>
    public abstract IReadOnlyList<KeyDescription> Keys { get; }

    /// <summary>Sets the list as a source has it.</summary>
    /// <exception cref="ConfigurationException">A value is wrong or missing.</exception>
    public abstract GatewayOptions Read(GatewayOptions options, ConfigurationSource source);

    /// <summary>Whether a source sets the list.</summary>
    public bool IsSetBy(ConfigurationSource source) => source.Entries.Any(entry => entry.Value is not null && Owns(entry.Key));

    /// <summary>Whether an entry belongs to the list.</summary>
    public bool Owns(string entry) =>
        entry.StartsWith(Name, StringComparison.OrdinalIgnoreCase) && (entry.Length == Name.Length || entry[Name.Length] == ':');

    /// <summary>Checks the name of an entry that belongs to the list.</summary>
    /// <exception cref="ConfigurationException">There is no such key.</exception>
    public void CheckKnown(ConfigurationSource source, string entry, string? value)
    {
        var key = $"{source.Where(entry)}: \"{source.Spelled(entry)}\" is";
        if (entry.Length == Name.Length)
        {
            if (!string.IsNullOrEmpty(value))
                throw new ConfigurationException($"{key} \"{ConfigurationErrors.Show(value)}\", but must be a list of objects with {Members()}");
            return;
        }
        var rest = entry[(Name.Length + 1)..];
        var end = rest.IndexOf(':', StringComparison.Ordinal);
        var number = end < 0 ? rest : rest[..end];
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new ConfigurationException($"{key} unknown; \"{source.Spelled(Name)}\" is a list of objects with {Members()}");
        if (end < 0)
        {
            if (!string.IsNullOrEmpty(value))
                throw new ConfigurationException($"{key} \"{ConfigurationErrors.Show(value)}\", but must be an object with {Members()}");
            return;
        }
        var member = rest[(end + 1)..];
        if (!Keys.Any(known => known.IsNamedBy(member, value)))
            throw new ConfigurationException($"{key} unknown; the nearest is \"{Keys.MinBy(known => NearestName.Distance(known.Name, member))!.Name}\"");
    }

    private string Members() => string.Join(", ", Keys.Select(key => key.Name.Split(':')[0]).Distinct());
}

/// <summary>A key of the items of a list. <c>Apply</c> sets it, and returns null when a value is not what is expected.</summary>
internal sealed record ItemKey<T>(
    string Name, bool IsList, string SchemaType, string Default, string Expected, string Meaning, Func<T, IReadOnlyList<string>, T?> Apply)
    : KeyDescription(Name, IsList, SchemaType, Default, Expected, Meaning) where T : class;

/// <summary>A problem that one item has.</summary>
/// <param name="Item">Its number, from 0.</param>
/// <param name="Key">The key.</param>
/// <param name="Problem">Completes the sentence that begins with the key.</param>
internal sealed record ItemProblem(int Item, string Key, string Problem);

/// <summary>A list whose items are of one type.</summary>
internal sealed class ConfigurationTable<T>(
    string name, string meaning, string @default, IReadOnlyList<ItemKey<T>> keys, Func<T> create,
    Func<IReadOnlyList<T>, ItemProblem?> check, Func<GatewayOptions, IReadOnlyList<T>, GatewayOptions> apply)
    : ConfigurationTable(name, meaning, @default) where T : class
{
    public override IReadOnlyList<KeyDescription> Keys { get; } = keys;

    public override GatewayOptions Read(GatewayOptions options, ConfigurationSource source)
    {
        var numbers = source.Entries.Keys.Where(entry => Owns(entry) && entry.Length > Name.Length)
            .Select(entry => int.Parse(entry[(Name.Length + 1)..].Split(':')[0], CultureInfo.InvariantCulture)).Distinct().Order().ToList();
        var items = numbers.ConvertAll(number => ReadItem(source, FormattableString.Invariant($"{Name}:{number}")));
        if (check(items) is { } problem)
        {
            var full = FormattableString.Invariant($"{Name}:{numbers[problem.Item]}:{problem.Key}");
            throw new ConfigurationException($"{source.Where(full)}: \"{source.Spelled(full)}\" {problem.Problem}");
        }
        return apply(options, items);
    }

    private T ReadItem(ConfigurationSource source, string item)
    {
        var made = create();
        foreach (var key in keys)
        {
            var full = $"{item}:{key.Name}";
            if (source.Values(key, full) is { } values)
                made = key.Apply(made, values) ?? throw ConfigurationErrors.Wrong(source, key, full, values, value => key.Apply(made, value) is not null);
            else if (key.IsRequired)
                throw new ConfigurationException($"{source.Where(full)}: \"{source.Spelled(full)}\" is missing; it must be {key.Expected}");
        }
        return made;
    }
}
