using System.CommandLine;
using System.Text.RegularExpressions;

namespace Chasqui.Cli;

/// <summary>Says what was typed: an option where the configuration speaks of the key that it sets.</summary>
internal static partial class OptionNames
{
    private static readonly (string Key, string[] Options)[] _keys =
    [
        ("Http:Endpoints", ["--http"]), ("Mcp:Listen", ["--mcp", "--listen"]), ("Data:Folder", ["--data"]),
            ("Models:Folders", ["--models"]), ("Logging:Level", ["--log-level"]),
        ("Keys:AllowAnonymous", ["--allow-anonymous"]), ("Nodes", ["--node"]),
    ];

    /// <param name="message">What is wrong with the configuration.</param>
    /// <param name="command">The verb that was typed.</param>
    public static string Show(string message, Command command)
    {
        if (FromCommandLine().Match(message) is not { Success: true } found)
            return message;
        var key = found.Groups["key"].Value;
        var option = _keys.Where(one => key == one.Key || key.StartsWith(one.Key + ":", StringComparison.Ordinal))
            .SelectMany(one => one.Options).FirstOrDefault(name => command.Options.Any(option => option.Name == name));
        return option is null ? message : option + message[found.Length..];
    }

    [GeneratedRegex("^the command line: \"(?<key>[^\"]*)\"")]
    private static partial Regex FromCommandLine();
}
