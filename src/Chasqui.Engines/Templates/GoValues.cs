namespace Chasqui.Engines.Templates;

// A template's values are null, bool, long, double, string, and the three composites below.

/// <summary>A value that is more than a scalar.</summary>
/// <param name="TypeName">The type as messages name it.</param>
internal abstract record GoComposite(string TypeName)
{
    /// <summary>Printed as its JSON rather than in Go's notation.</summary>
    public bool PrintsAsJson { get; init; }
}

/// <summary>A slice; slicing it again shares the items.</summary>
internal sealed record GoList(string TypeName, ReadOnlyMemory<object?> Items) : GoComposite(TypeName)
{
    /// <summary>A nil slice, whose JSON is <c>null</c>.</summary>
    public bool IsNil { get; init; }
}

/// <summary>A map with text keys, in the order in which it is ranged over.</summary>
internal sealed record GoMap(string TypeName, IReadOnlyList<KeyValuePair<string, object?>> Entries) : GoComposite(TypeName)
{
    private readonly Dictionary<string, object?> _index = Index(Entries);

    /// <summary>A nil map, whose JSON is <c>null</c>.</summary>
    public bool IsNil { get; init; }

    /// <summary>The text where it is printed, if that is not its JSON.</summary>
    public string? Printed { get; init; }

    public bool TryGet(string key, out object? value) => _index.TryGetValue(key, out value);

    private static Dictionary<string, object?> Index(IReadOnlyList<KeyValuePair<string, object?>> entries)
    {
        var index = new Dictionary<string, object?>(entries.Count, StringComparer.Ordinal);
        foreach (var (key, value) in entries)
            index[key] = value;
        return index;
    }
}

/// <summary>A field of a record.</summary>
/// <param name="Name">The name in templates.</param>
/// <param name="JsonName">The name in JSON.</param>
/// <param name="Value">The value.</param>
/// <param name="OmitEmpty">Left out of the JSON where it is empty.</param>
internal readonly record struct GoField(string Name, string JsonName, object? Value, bool OmitEmpty = false);

/// <summary>A struct.</summary>
internal sealed record GoRecord(string TypeName, IReadOnlyList<GoField> Fields) : GoComposite(TypeName)
{
    /// <summary>What the type's <c>ToTypeScriptType</c> gives; null where it has none.</summary>
    public string? TypeScript { get; init; }

    public bool TryGet(string name, out object? value)
    {
        foreach (var field in Fields)
        {
            if (field.Name == name)
            {
                value = field.Value;
                return true;
            }
        }

        value = null;
        return false;
    }
}

internal static class GoValue
{
    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool b => b,
        long n => n != 0,
        double d => d != 0,
        string s => s.Length > 0,
        GoList list => list.Items.Length > 0,
        GoMap map => map.Entries.Count > 0,
        _ => true,
    };

    /// <summary>Whether JSON's <c>omitempty</c> leaves it out.</summary>
    public static bool IsEmpty(object? value) => value is not GoRecord && !IsTrue(value);

    public static string TypeName(object? value) => value switch
    {
        null => "<nil>",
        bool => "bool",
        long => "int",
        double => "float64",
        string => "string",
        GoComposite composite => composite.TypeName,
        _ => value.GetType().Name,
    };
}
