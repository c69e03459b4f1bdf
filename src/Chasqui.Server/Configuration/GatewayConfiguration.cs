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
    public static GatewayOptions Load(string? file = null, IReadOnlyDictionary<string, string?>? commandLine = null)
    {
        List<ConfigurationSource> sources = [];
        if (file is not null || File.Exists(DefaultFile))
            sources.Add(ConfigurationSource.File(file ?? DefaultFile));
        sources.Add(ConfigurationSource.Environment());
        sources.Add(ConfigurationSource.CommandLine(commandLine ?? new Dictionary<string, string?>()));
        return Read(sources);
    }

    internal static GatewayOptions Read(IReadOnlyList<ConfigurationSource> sources)
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
                ?? throw new ConfigurationException($"{source.Name}: \"{key.Name}\" is \"{Show(values)}\", but must be {key.Expected}");
            set.Add(key.Name);
        }
        return WithDefaultModels(options, set);
    }

    private static void CheckKnown(ConfigurationSource source, string entry, string? value)
    {
        foreach (var key in ConfigurationKey.All)
        {
            if (entry.Equals(key.Name, StringComparison.OrdinalIgnoreCase) || ConfigurationSource.IsItemOf(entry, key)
                || (string.IsNullOrEmpty(value) && key.Name.StartsWith(entry + ":", StringComparison.OrdinalIgnoreCase)))
                return;
        }
        var nearest = ConfigurationKey.All.Select(key => key.Name).MinBy(name => NearestName.Distance(name, entry));
        throw new ConfigurationException($"{source.Name}: unknown key \"{Spelled(source, entry)}\"; the nearest is \"{nearest}\"");
    }

    private static string Spelled(ConfigurationSource source, string entry) => source.Name == "the environment"
        ? ConfigurationSource.EnvironmentPrefix + entry.Replace(":", "__", StringComparison.Ordinal)
        : entry;

    private static string Show(IReadOnlyList<string> values) => Field.Clip(string.Join("; ", values).ReplaceLineEndings(" "));

    private static GatewayOptions WithDefaultModels(GatewayOptions options, HashSet<string> set)
    {
        return set.Contains("Models:Folders")
            ? options
            : options with { Models = options.Models with { Folders = DefaultModels.Folders(options.Data.Folder) } };
    }
}
