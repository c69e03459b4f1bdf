using System.Globalization;

namespace Chasqui.Engines.Grammars;

/// <summary>Texts: of a length, of a pattern, of a format.</summary>
internal sealed class StringRules(GrammarBuilder grammar, JsonRules json)
{
    private const string Date = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    private const string Time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
    private const string Octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

    // Other formats are annotations, as JSON Schema has it: any text will do.
    private static readonly Dictionary<string, string> _formats = new(StringComparer.Ordinal)
    {
        ["date"] = $"^{Date}$",
        ["time"] = $"^{Time}$",
        ["date-time"] = $"^{Date}T{Time}$",
        ["uuid"] = "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$",
        ["ipv4"] = $"^{Octet}(\\.{Octet}){{3}}$",
        ["email"] = $"^[A-Za-z0-9_%+-]{{1,32}}(\\.[A-Za-z0-9_%+-]{{1,32}}){{0,3}}@{Label}(\\.{Label}){{1,4}}$",
    };

    /// <summary>The texts that satisfy the view; null where none does.</summary>
    public Gbnf? Of(SchemaView view)
    {
        if (view.MaxLength < view.MinLength)
            return null;
        string? format = view.Format is { } name ? _formats.GetValueOrDefault(name) : null;
        if (view.Pattern is not null && format is not null)
            throw view.Place.Fail($"pattern and format \"{view.Format}\" cannot be combined; say one");
        if ((view.Pattern ?? format) is not { } pattern)
        {
            return view.MinLength == 0 && view.MaxLength is null or > GrammarBuilder.MaxCount
                ? json.String
                : Quoted(grammar.Repeat("chars", json.Char, view.MinLength, view.MaxLength));
        }

        try
        {
            var parsed = PatternParser.Parse(pattern);
            if (parsed.MaxLength < view.MinLength || parsed.MinLength > (view.MaxLength ?? int.MaxValue))
                return null;
            if (parsed.MinLength < view.MinLength || (view.MaxLength is { } max && parsed.MaxLength > max))
            {
                throw view.Place.Fail(string.Create(CultureInfo.InvariantCulture,
                    $"{(view.Pattern is null ? $"format \"{view.Format}\"" : "pattern")} and a length cannot be combined; "
                    + $"say the length within the pattern, e.g. \"^[a-z]{{{Math.Max(1, view.MinLength)},{view.MaxLength ?? 20}}}$\""));
            }

            return Quoted(new PatternRules(grammar, json).Rules(parsed));
        }
        catch (PatternException error)
        {
            string shown = pattern.Length > 60 ? pattern[..60] + "…" : pattern;
            throw view.Place.Fail($"pattern \"{shown}\" is not supported: {error.Message}");
        }
    }

    private static Gbnf Quoted(Gbnf content) => Gbnf.Seq(Gbnf.Text("\""), content, Gbnf.Text("\""));
}
