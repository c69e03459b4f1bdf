namespace Chasqui.Server;

/// <summary>Words what is wrong with a value.</summary>
internal static class ConfigurationErrors
{
    /// <summary>The error for values that a key does not take.</summary>
    /// <param name="source">Where they come from.</param>
    /// <param name="key">The key.</param>
    /// <param name="name">Its full name.</param>
    /// <param name="values">All values.</param>
    /// <param name="takes">Whether the key takes some of them, to find the one that is wrong.</param>
    public static ConfigurationException Wrong(
        ConfigurationSource source, KeyDescription key, string name, IReadOnlyList<string> values, Func<IReadOnlyList<string>, bool> takes)
    {
        var place = name;
        if (values.Count > 1 && values.ToList().FindIndex(value => !takes([value])) is var bad and >= 0)
        {
            // Where each has an entry of its own they stand in the same order.
            var entries = source.ItemNames(name).ToList();
            if (entries.Count == values.Count)
                place = entries[bad];
            values = [values[bad]];
        }
        if (values is [var only] && key.Problem?.Invoke(only) is { } problem)
            return new ConfigurationException($"{source.Where(place)}: \"{source.Spelled(name)}\" {problem}");
        return new ConfigurationException(key.IsSecret
            ? $"{source.Where(place)}: \"{source.Spelled(name)}\" must be {key.Expected}"
            : $"{source.Where(place)}: \"{source.Spelled(name)}\" is \"{Show(string.Join("; ", values))}\", but must be {key.Expected}");
    }

    /// <summary>A value for a message: one short line, without the password that an address may hold.</summary>
    public static string Show(string value)
    {
        value = value.ReplaceLineEndings(" ");
        var scheme = value.IndexOf("://", StringComparison.Ordinal);
        var at = scheme < 0 ? -1 : value.LastIndexOf('@');
        return Field.Clip(at > scheme ? value[..(scheme + 3)] + "…" + value[at..] : value);
    }
}
