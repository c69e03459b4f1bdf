using System.CommandLine;
using System.CommandLine.Help;

namespace Chasqui.Cli;

/// <summary>Where no verb is given, <c>serve</c> is meant.</summary>
internal static class DefaultVerb
{
    private const string Serve = "serve";

    /// <summary>Puts <c>serve</c> before options that stand without a verb, and in the place of nothing at all.</summary>
    public static IReadOnlyList<string> Complete(IReadOnlyList<string> args, RootCommand root)
    {
        for (var i = 0; i < args.Count; i++)
        {
            if (!args[i].StartsWith('-') || args[i].Length == 1)
                return args;
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? args[i] : args[i][..equals];
            switch (root.Options.FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name)))
            {
                case HelpOption or Option { Name: "--version" }:
                    return args;
                case null:
                    return [Serve, .. args];
                case var common:
                    // A verb may follow an option that all verbs take, and its value.
                    if (equals < 0 && common.ValueType != typeof(bool))
                        i++;
                    break;
            }
        }
        return [Serve, .. args];
    }
}
