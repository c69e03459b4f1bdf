using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>
/// Which verbs talk to a gateway, and so take <c>--server</c> and <c>--key</c>; the others do not offer them, and refuse them.
/// </summary>
internal static class GatewayOptionsUse
{
    private static readonly Option[] _options = [GlobalOptions.Server, GlobalOptions.Key];

    private static readonly Dictionary<string, string> _others = new(StringComparer.Ordinal)
    {
        ["keys"] = "works on the data folder, which --data DIR names",
        ["serve"] = "is the gateway itself, which listens where --http and --mcp say",
        ["engine"] = "is the engine itself, which listens where --listen says",
        ["simulate"] = "asks no gateway",
        ["bench"] = "starts what it measures itself",
    };

    /// <exception cref="UsageException">One is given to a verb that would do nothing with it.</exception>
    public static void EnsureMeant(ParseResult parsed)
    {
        if (Why(parsed.CommandResult.Command) is not (var verb, var why))
            return;
        foreach (var option in _options)
        {
            if (parsed.GetResult(option) is { Implicit: false })
                throw new UsageException($"{option.Name} is for verbs that talk to a gateway; '{verb}' {why}");
        }
    }

    /// <summary>The names of the global options that the help of a verb leaves out.</summary>
    public static IEnumerable<string> Missing(Command command) => Why(command) is null ? [] : _options.Select(option => option.Name);

    private static (string Verb, string Why)? Why(Command command)
    {
        for (var at = command; at is not null and not RootCommand; at = at.Parents.OfType<Command>().FirstOrDefault())
        {
            if (_others.TryGetValue(at.Name, out var why) && at.Parents.FirstOrDefault() is RootCommand)
                return (at.Name, why);
        }
        return null;
    }
}
