using System.Text.Json;
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

    private const string EnvironmentName = "the environment";

    /// <summary>The line of each key, where the source has lines.</summary>
    public IReadOnlyDictionary<string, int>? Lines { get; init; }

    /// <exception cref="ConfigurationException">The file cannot be read or is no JSON.</exception>
    public static ConfigurationSource File(string path)
    {
        var full = Path.GetFullPath(path);
        try
        {
            var json = JsonLines.Read(System.IO.File.ReadAllBytes(full));
            var entries = json.Entries.Where(entry => entry.Key != "$schema").ToDictionary(StringComparer.OrdinalIgnoreCase);
            return new(Path.GetFileName(path), Path.GetDirectoryName(full)!, entries) { Lines = json.Lines };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConfigurationException($"{path} does not exist", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path} cannot be read: {FileProblem.Of(e, path)}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is text that is not UTF-8, or half a character.
            var line = (e as JsonException)?.LineNumber is { } number ? FormattableString.Invariant($" line {number + 1}") : "";
            throw new ConfigurationException($"{path}{line} cannot be read: {JsonProblem.Reason(e)}", e);
        }
    }

    public static ConfigurationSource Environment() =>
        new(EnvironmentName, System.Environment.CurrentDirectory,
            Leaves(new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).Build()).ToDictionary(StringComparer.OrdinalIgnoreCase));

    public static ConfigurationSource CommandLine(IReadOnlyDictionary<string, string?> entries) =>
        new("the command line", System.Environment.CurrentDirectory, Leaves(
            new ConfigurationBuilder().AddInMemoryCollection(entries).Build()).ToDictionary(StringComparer.OrdinalIgnoreCase));

    /// <summary>The values of a key here: one, several, or null where it is not set.</summary>
    /// <param name="key">The key.</param>
    /// <param name="name">Its full name, where it is a key of an item.</param>
    public IReadOnlyList<string>? Values(KeyDescription key, string? name = null)
    {
        name ??= key.Name;
        var values = Entries.TryGetValue(name, out var value) && value is not null
            ? key.IsList ? value.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [value]
            : [];
        string[] items = key.IsList ? [.. ItemNames(name).Select(item => Entries[item]!)] : [];
        if (value is null && items.Length == 0)
            return null;
        values = [.. values, .. items];
        return key.IsPath ? [.. values.Select(Absolute)] : values;
    }

    /// <summary>Source and, where it has lines, line of a key; completes "… : what is wrong".</summary>
    public string Where(string name)
    {
        // What is missing is looked for where it should be.
        for (var key = name; Lines is not null && key.Length > 0; key = key[..Math.Max(0, key.LastIndexOf(':'))])
        {
            if (Lines.TryGetValue(key, out var line))
                return FormattableString.Invariant($"{Name} line {line}");
        }
        return Name;
    }

    /// <summary>The key as it is spelled here.</summary>
    public string Spelled(string name) =>
        Name == EnvironmentName ? EnvironmentPrefix + name.Replace(":", "__", StringComparison.Ordinal) : name;

    /// <summary>The names of a list's values that have one of their own, in order.</summary>
    public IEnumerable<string> ItemNames(string name) => Entries
        .Where(entry => entry.Value is not null && entry.Key.Length > name.Length + 1 && entry.Key[name.Length] == ':'
            && entry.Key.StartsWith(name, StringComparison.OrdinalIgnoreCase)
            && entry.Key.AsSpan(name.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0)
        .Select(entry => entry.Key).OrderBy(key => key.Length).ThenBy(key => key, StringComparer.Ordinal);

    private string Absolute(string path)
    {
        if (path.Length == 0)
            return path;
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
            path = Path.Combine(HomeFolder.Path, path[1..].TrimStart('/'));
        return Path.GetFullPath(path, Folder);
    }

    private static IEnumerable<KeyValuePair<string, string?>> Leaves(IConfigurationRoot root) =>
        root.AsEnumerable().Where(entry => entry.Value is not null || !root.GetSection(entry.Key).GetChildren().Any());
}
