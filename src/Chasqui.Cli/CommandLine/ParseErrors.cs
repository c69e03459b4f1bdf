using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Chasqui.Cli;

/// <summary>Says what is wrong with a command line, and what would be right.</summary>
internal static partial class ParseErrors
{
    public static IEnumerable<string> Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        // A group of verbs without one of them: the generated messages do not say which there are.
        if (command.Subcommands.Count > 0)
            return [MissingVerb(command, parsed.UnmatchedTokens is [var first, ..] ? first : null)];
        return parsed.Errors.Select(error => Words(command, error.Message)).Distinct(StringComparer.Ordinal);
    }

    /// <summary>What the library says, with what would be right.</summary>
    private static string Words(Command command, string message)
    {
        if (NoValue().Match(message) is { Success: true } option)
        {
            var name = option.Groups["name"].Value;
            return $"{name} needs a value{(Options(command).FirstOrDefault(one => one.Name == name)?.HelpName is { } value ? $": {name} {value}" : "")}";
        }
        if (NoArgument().Match(message) is { Success: true } argument)
        {
            var name = argument.Groups["name"].Value;
            return $"{name} is missing{(command.Arguments.FirstOrDefault(one => one.Name == name)?.Description is { } what ? $": {char.ToLowerInvariant(what[0])}{what[1..]}" : "")}";
        }
        if (TooMany().Match(message) is { Success: true } twice)
            return $"{twice.Groups["name"].Value} is given more than once; give it once";
        if (Unknown().Match(message) is not { Success: true } unknown)
            return message.TrimEnd('.');
        var given = unknown.Groups["name"].Value;
        if (!given.StartsWith('-'))
            return $"'{given}' is one word too many; a text with spaces stands in quotes";
        var nearest = Options(command).Select(one => one.Name).Where(name => name.StartsWith("--", StringComparison.Ordinal))
            .MinBy(name => Distance(name, given));
        return nearest is not null && Distance(nearest, given) <= 2
            ? $"there is no option '{given}'; did you mean '{nearest}'?"
            : $"there is no option '{given}' here";
    }

    /// <summary>Its own, and those that every verb takes.</summary>
    private static IEnumerable<Option> Options(Command command)
    {
        for (var at = command; at is not null; at = at.Parents.OfType<Command>().FirstOrDefault())
        {
            foreach (var option in at.Options.Where(option => at == command || option.Recursive))
                yield return option;
        }
    }

    /// <summary>Reads a number for an option; the message names the option and the value.</summary>
    public static Func<ArgumentResult, T?> Number<T>(string option) where T : struct, ISpanParsable<T> => result =>
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (T.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value))
            return value;
        result.AddError($"{option} is '{text}', but must be a {(typeof(T) == typeof(int) ? "whole number" : "number")}");
        return null;
    };

    private static string MissingVerb(Command command, string? given)
    {
        var verbs = command.Subcommands.Select(c => c.Name).ToList();
        var all = string.Join(", ", verbs);
        if (given is null)
            return $"a verb is missing: {all}";
        var what = given.StartsWith('-') ? "option" : "verb";
        var nearest = what == "verb" ? verbs.MinBy(verb => Distance(verb, given)) : null;
        return nearest is not null && Distance(nearest, given) <= 2
            ? $"there is no {what} '{given}'; did you mean '{nearest}'?"
            : $"there is no {what} '{given}' here; the verbs are {all}";
    }

    /// <summary>Letters to insert, delete or replace (Levenshtein).</summary>
    private static int Distance(string one, string other)
    {
        if (other.Length > 32)
            return other.Length;
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                var replaced = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }

    [GeneratedRegex("^Required argument missing for option: '(?<name>[^']+)'")]
    private static partial Regex NoValue();

    [GeneratedRegex("^Required argument '(?<name>[^']+)' missing for command")]
    private static partial Regex NoArgument();

    [GeneratedRegex("^Option '(?<name>[^']+)' expects a single argument")]
    private static partial Regex TooMany();

    [GeneratedRegex("^Unrecognized command or argument '(?<name>.*)'\\.$", RegexOptions.Singleline)]
    private static partial Regex Unknown();
}
