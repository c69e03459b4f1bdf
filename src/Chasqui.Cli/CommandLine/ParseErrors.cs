using System.CommandLine;
using System.CommandLine.Parsing;

namespace Chasqui.Cli;

/// <summary>Says what is wrong with a command line, and what would be right.</summary>
internal static class ParseErrors
{
    public static IEnumerable<string> Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        // A group of verbs without one of them: the generated messages do not say which there are.
        if (command.Subcommands.Count > 0)
            return [MissingVerb(command, parsed.UnmatchedTokens is [var first, ..] ? first : null)];
        return parsed.Errors.Select(error => error.Message).Distinct(StringComparer.Ordinal);
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
}
