namespace Chasqui.Server;

/// <summary>What a key of the configuration is, for documents, schema and checks.</summary>
/// <param name="Name">Its full name, e.g. <c>Http:Endpoints</c>; for a key of a list's items that within the item, e.g. <c>Timeouts:Connect</c>.</param>
/// <param name="IsList">Whether it takes several values.</param>
/// <param name="SchemaType">Its type in <c>chasqui.schema.json</c>: <c>string</c>, <c>integer</c>, <c>number</c> or <c>boolean</c>.</param>
/// <param name="Default">The default, for people.</param>
/// <param name="Expected">What a value must be; completes the sentence "… must be".</param>
/// <param name="Meaning">What it does.</param>
internal abstract record KeyDescription(string Name, bool IsList, string SchemaType, string Default, string Expected, string Meaning)
{
    /// <summary>All values that there are; null where that is no short list.</summary>
    public IReadOnlyList<string>? Choices { get; init; }

    /// <summary>The least number; null where there is none.</summary>
    public double? Minimum { get; init; }

    /// <summary>The greatest number; null where there is none.</summary>
    public double? Maximum { get; init; }

    /// <summary>Whether a new value holds at once when the file changes; otherwise after a restart.</summary>
    public bool Reloads { get; init; }

    /// <summary>Whether it must be given.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Says of one value what is wrong with it, where that is more than that it is not <see cref="Expected"/>; it completes the sentence that begins with the key.
    /// Null where there is nothing to add.</summary>
    public Func<string, string?>? Problem { get; init; }

    /// <summary>Whether its value is not to be shown.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether its values are paths, which are taken from the folder of the file they stand in.</summary>
    public bool IsPath => Expected.StartsWith("a path", StringComparison.Ordinal);

    /// <summary>Whether an entry is one value of a list, e.g. <c>Http:Endpoints:0</c>.</summary>
    public bool HasItem(ReadOnlySpan<char> entry) =>
        IsList && entry.Length > Name.Length + 1 && entry.StartsWith(Name, StringComparison.OrdinalIgnoreCase)
        && entry[Name.Length] == ':' && entry[(Name.Length + 1)..].IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary>Whether an entry of this name is this key, one of its values, or an empty section above it.</summary>
    public bool IsNamedBy(ReadOnlySpan<char> entry, string? value) =>
        entry.Equals(Name, StringComparison.OrdinalIgnoreCase) || HasItem(entry)
        || (string.IsNullOrEmpty(value) && Name.Length > entry.Length && Name[entry.Length] == ':' && Name.AsSpan().StartsWith(entry, StringComparison.OrdinalIgnoreCase));
}
