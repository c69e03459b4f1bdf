namespace Chasqui.Server;

/// <summary>Reads the configuration: the file, then the environment, then the command line; what comes later wins.</summary>
public static class GatewayConfiguration
{
    /// <summary>Read from the working folder when no other file is named.</summary>
    public const string DefaultFile = "chasqui.json";

    /// <summary>Reads and checks everything.</summary>
    /// <param name="file">The file that <c>--config</c> names; null for <see cref="DefaultFile"/>, if there is one.</param>
    /// <param name="commandLine">Keys that the command line sets, e.g. <c>Http:Endpoints</c>; a list's values may be one text with <c>;</c> between.</param>
    /// <exception cref="ConfigurationException">A key or a value is wrong.</exception>
    public static GatewayOptions Load(string? file = null, IReadOnlyDictionary<string, string?>? commandLine = null) =>
        Read(Sources(file ?? DefaultFile, file is not null || File.Exists(DefaultFile), commandLine));

    /// <summary>
    /// Reads and checks everything but the nodes, for a command that asks none: the variables that hold their keys need not be set.
    /// </summary>
    /// <param name="file">The file that <c>--config</c> names; null for <see cref="DefaultFile"/>, if there is one.</param>
    /// <param name="commandLine">Keys that the command line sets.</param>
    /// <exception cref="ConfigurationException">A key or a value is wrong.</exception>
    public static GatewayOptions LoadWithoutNodes(string? file = null, IReadOnlyDictionary<string, string?>? commandLine = null) =>
        Read(Sources(file ?? DefaultFile, file is not null || File.Exists(DefaultFile), commandLine), withNodes: false);

    /// <summary>Reads and checks what the environment and the command line say, whatever file there is.</summary>
    /// <param name="commandLine">Keys that the command line sets.</param>
    /// <exception cref="ConfigurationException">A key or a value is wrong.</exception>
    public static GatewayOptions LoadWithoutFile(IReadOnlyDictionary<string, string?>? commandLine = null) => Read(Sources(DefaultFile, useFile: false, commandLine));

    internal static IReadOnlyList<ConfigurationSource> Sources(string file, bool useFile, IReadOnlyDictionary<string, string?>? commandLine)
    {
        List<ConfigurationSource> sources = [];
        if (useFile)
            sources.Add(ConfigurationSource.File(file));
        sources.Add(ConfigurationSource.Environment());
        sources.Add(ConfigurationSource.CommandLine(commandLine ?? new Dictionary<string, string?>()));
        return sources;
    }

    internal static GatewayOptions Read(IReadOnlyList<ConfigurationSource> sources, bool withNodes = true)
    {
        foreach (var source in sources)
        {
            foreach (var (entry, value) in source.Entries)
                CheckKnown(source, entry, value);
        }

        var options = new GatewayOptions();
        HashSet<string> set = [];
        foreach (var key in ConfigurationKey.All)
        {
            // A list is replaced as a whole, never merged item by item.
            var source = sources.LastOrDefault(source => source.Values(key) is not null);
            if (source?.Values(key) is not { } values)
                continue;
            options = key.Apply(options, values)
                ?? throw ConfigurationErrors.Wrong(source, key, key.Name, values, value => key.Apply(options, value) is not null);
            set.Add(key.Name);
        }
        foreach (var table in ConfigurationTable.All.Where(table => withNodes || table.Name != NodeTable.Name))
        {
            if (sources.LastOrDefault(table.IsSetBy) is { } source)
                options = table.Read(options, source);
        }
        if (options.Data.Folder.Length == 0)
            throw new ConfigurationException("this user has no home folder, so there is no place for ~/.chasqui; set HOME, or choose a data folder with --data DIR or CHASQUI__Data__Folder");
        return WithDefaultModels(options, set);
    }

    private static void CheckKnown(ConfigurationSource source, string entry, string? value)
    {
        foreach (var key in ConfigurationKey.All)
        {
            if (key.IsNamedBy(entry, value))
                return;
        }
        foreach (var table in ConfigurationTable.All)
        {
            if (table.Owns(entry))
            {
                table.CheckKnown(source, entry, value);
                return;
            }
            if (string.IsNullOrEmpty(value) && table.Name.StartsWith(entry + ":", StringComparison.OrdinalIgnoreCase))
                return;
        }
        List<string> names = [.. ConfigurationKey.All.Select(key => key.Name), .. ConfigurationTable.All.Select(table => table.Name)];
        var inner = names.Where(name => name.StartsWith(entry + ":", StringComparison.OrdinalIgnoreCase)).Select(name => name[(entry.Length + 1)..]).ToList();
        if (inner.Count > 0)
        {
            throw new ConfigurationException(
                $"{source.Where(entry)}: \"{source.Spelled(entry)}\" is \"{ConfigurationErrors.Show(value!)}\", but must be an object with {string.Join(", ", inner)}");
        }
        var nearest = names.MinBy(name => NearestName.Distance(name, WithoutItems(entry)));
        throw new ConfigurationException($"{source.Where(entry)}: \"{source.Spelled(entry)}\" is unknown; the nearest is \"{nearest}\"");
    }

    /// <summary>The name up to its first number, so that the name of a list is compared and not that of its items.</summary>
    private static string WithoutItems(string entry)
    {
        var parts = entry.Split(':');
        var number = Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        return number > 0 ? string.Join(':', parts[..number]) : entry;
    }

    private static GatewayOptions WithDefaultModels(GatewayOptions options, HashSet<string> set)
    {
        return set.Contains("Models:Folders")
            ? options
            : options with { Models = options.Models with { Folders = DefaultModels.Folders(options.Data.Folder) } };
    }
}
