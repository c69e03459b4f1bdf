using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>A configuration that can be read again: the same file and command line, and the environment of the process.</summary>
public sealed class ConfigurationFile
{
    private readonly IReadOnlyDictionary<string, string?>? _commandLine;
    private readonly bool _named;

    private ConfigurationFile(string path, bool named, bool found, IReadOnlyDictionary<string, string?>? commandLine)
    {
        Path = path;
        _named = named;
        _commandLine = commandLine;
        (Options, Values) = Read(found);
        Found = found;
    }

    /// <summary>The file's full path, whether there is one or not.</summary>
    public string Path { get; }

    /// <summary>What was read last without an error.</summary>
    public GatewayOptions Options { get; private set; }

    /// <summary>Whether the file was there then.</summary>
    internal bool Found { get; private set; }

    /// <summary>Each key and list that was set then, as it was spelled.</summary>
    internal IReadOnlyDictionary<string, string> Values { get; private set; }

    /// <summary>Reads and checks everything, as <see cref="GatewayConfiguration.Load"/>.</summary>
    /// <param name="file">The file that <c>--config</c> names; null for <see cref="GatewayConfiguration.DefaultFile"/> of the working folder, if there is one.</param>
    /// <param name="commandLine">Keys that the command line sets.</param>
    /// <exception cref="ConfigurationException">A key or a value is wrong.</exception>
    public static ConfigurationFile Load(string? file = null, IReadOnlyDictionary<string, string?>? commandLine = null)
    {
        var path = System.IO.Path.GetFullPath(file ?? GatewayConfiguration.DefaultFile);
        return new ConfigurationFile(path, file is not null, file is not null || File.Exists(path), commandLine);
    }

    /// <summary>Reads everything again.</summary>
    /// <returns>The names of the keys and lists whose values are others now.</returns>
    /// <exception cref="ConfigurationException">A key or a value is wrong, or the file is gone; nothing has changed then.</exception>
    internal IReadOnlyList<string> Reread()
    {
        // A file that was there and is not is more likely being written anew than meant to be gone.
        var found = _named || Found || File.Exists(Path);
        var (options, values) = Read(found);
        List<string> changed = [.. values.Where(entry => Values.GetValueOrDefault(entry.Key) != entry.Value).Select(entry => entry.Key)
            .Concat(Values.Keys.Where(key => !values.ContainsKey(key)))];
        (Options, Values, Found) = (options, values, found);
        return changed;
    }

    /// <summary>The part of options that may change while the gateway runs.</summary>
    internal static GatewaySettings SettingsOf(GatewayOptions options) =>
        new() { Nodes = options.Nodes, Routing = options.Routing, Queue = options.Queue, Merging = options.Merging, Cache = options.Cache, Catalogue = options.Catalogue, Policies = options.Policies, Limits = options.Limits };

    private (GatewayOptions Options, Dictionary<string, string> Values) Read(bool found)
    {
        var sources = GatewayConfiguration.Sources(Path, found, _commandLine);
        var options = GatewayConfiguration.Read(sources);
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (var key in ConfigurationKey.All)
        {
            if (sources.LastOrDefault(source => source.Values(key) is not null)?.Values(key) is { } set)
                values[key.Name] = string.Join('\n', set);
        }
        foreach (var table in ConfigurationTable.All)
        {
            if (sources.LastOrDefault(table.IsSetBy) is { } source)
            {
                values[table.Name] = string.Join('\n', source.Entries.Where(entry => table.Owns(entry.Key))
                    .OrderBy(entry => entry.Key, StringComparer.OrdinalIgnoreCase).Select(entry => $"{entry.Key}={entry.Value}"));
            }
        }
        return (options, values);
    }
}
