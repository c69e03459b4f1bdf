using System.CommandLine;
using Chasqui.Server;

namespace Chasqui.Cli;

/// <summary>The options that say which gateway's keys are meant, as <c>serve</c> takes them.</summary>
internal sealed class KeyFolder
{
    private readonly Option<string?> _data = new("--data") { Description = "Folder of the gateway's state (default ~/.chasqui)", HelpName = "DIR" };

    private readonly Option<string?> _config = new("--config") { Description = "The gateway's configuration file, for its data folder (default chasqui.json in the current folder)", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        command.Options.Add(_data);
        command.Options.Add(_config);
    }

    public KeyFile File(ParseResult parsed, CliContext context) => new(PathOf(parsed), context.Time);

    /// <summary>Says which folder a change was made in, and whether a gateway sees it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="what">What is in it, to begin a sentence with.</param>
    public string Describe(ParseResult parsed, string what)
    {
        var folder = PathOf(parsed);
        return GatewayLock.Find(folder) is { } gateway
            ? $"The gateway that uses {folder} follows within a second ({gateway})."
            : $"{what} is in {folder}, which no gateway uses now; one with another data folder does not see it (--data DIR names that).";
    }

    /// <summary>What a command that is advised has to say to mean the same folder; empty where nothing was said here.</summary>
    public string Again(ParseResult parsed) => Again(parsed, _data) + Again(parsed, _config);

    private static string Again(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is not { } value ? ""
        : value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or '\\' or ':') ? $" {option.Name} {value}"
        : $" {option.Name} \"{value}\"";

    private string PathOf(ParseResult parsed)
    {
        var entries = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (parsed.GetValue(_data) is { } data)
            entries["Data:Folder"] = data;
        return Path.GetFullPath(GatewayConfiguration.LoadWithoutNodes(parsed.GetValue(_config), entries).Data.Folder);
    }
}
