using Microsoft.Extensions.Configuration;

namespace Chasqui.Server;

/// <summary>One place that configuration comes from, with its entries as they are spelled there.</summary>
/// <param name="Name">For messages, e.g. <c>chasqui.json</c>.</param>
/// <param name="Folder">What relative paths in it start from.</param>
/// <param name="Entries">Full key to value; a null value says nothing.</param>
internal sealed record ConfigurationSource(string Name, string Folder, IReadOnlyDictionary<string, string?> Entries)
{
    /// <summary>Environment variables that start so are configuration.</summary>
    public const string EnvironmentPrefix = "CHASQUI__";

    /// <exception cref="ConfigurationException">The file cannot be read or is no JSON.</exception>
    public static ConfigurationSource File(string path)
    {
        var full = Path.GetFullPath(path);
        try
        {
            var root = new ConfigurationBuilder().AddJsonFile(full, optional: false, reloadOnChange: false).Build();
            var entries = Leaves(root).Where(entry => entry.Key != "$schema").ToDictionary(StringComparer.OrdinalIgnoreCase);
            return new(Path.GetFileName(path), Path.GetDirectoryName(full)!, entries);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or UnauthorizedAccessException)
        {
            // The provider wraps what the parser says.
            var reason = (e.InnerException?.InnerException ?? e.InnerException ?? e).Message.ReplaceLineEndings(" ");
            throw new ConfigurationException(System.IO.File.Exists(full) ? $"{path} cannot be read: {reason}" : $"{path} does not exist", e);
        }
    }

    public static ConfigurationSource Environment() =>
        new("the environment", System.Environment.CurrentDirectory,
            Leaves(new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).Build()).ToDictionary(StringComparer.OrdinalIgnoreCase));

    public static ConfigurationSource CommandLine(IReadOnlyDictionary<string, string?> entries) =>
        new("the command line", System.Environment.CurrentDirectory, Leaves(
            new ConfigurationBuilder().AddInMemoryCollection(entries).Build()).ToDictionary(StringComparer.OrdinalIgnoreCase));

    /// <summary>The values of a key here: one, several, or null where it is not set.</summary>
    public IReadOnlyList<string>? Values(ConfigurationKey key)
    {
        var values = Entries.TryGetValue(key.Name, out var value) && value is not null
            ? key.IsList ? value.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [value]
            : [];
        string[] items = key.IsList
            ? [.. Entries.Where(entry => entry.Value is not null && IsItemOf(entry.Key, key)).OrderBy(entry => entry.Key.Length)
                .ThenBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Value!)]
            : [];
        if (value is null && items.Length == 0)
            return null;
        values = [.. values, .. items];
        return key.IsPath ? [.. values.Select(Absolute)] : values;
    }

    /// <summary>Whether an entry is one value of a list, e.g. <c>Http:Endpoints:0</c>.</summary>
    public static bool IsItemOf(string entry, ConfigurationKey key) =>
        key.IsList && entry.Length > key.Name.Length + 1 && entry.StartsWith(key.Name, StringComparison.OrdinalIgnoreCase)
        && entry[key.Name.Length] == ':' && entry.AsSpan(key.Name.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0;

    private string Absolute(string path)
    {
        if (path.Length == 0)
            return path;
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
            path = Path.Combine(System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile), path[1..].TrimStart('/'));
        return Path.GetFullPath(path, Folder);
    }

    private static IEnumerable<KeyValuePair<string, string?>> Leaves(IConfigurationRoot root) =>
        root.AsEnumerable().Where(entry => entry.Value is not null || !root.GetSection(entry.Key).GetChildren().Any());
}
