using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Chasqui;

/// <summary>
/// What is wrong with JSON, in words for people: the parser's own speak of its depth, its last block and its kinds of tokens. Messages of
/// ours, which are exceptions of the same
/// types, pass as they are.
/// </summary>
public static partial class JsonProblem
{
    /// <summary>The reason where there is nothing but white space and comments.</summary>
    public const string NoValue = "there is no value";

    private static readonly SearchValues<char> _behindWord = SearchValues.Create(" ,]}\t\"");

    // What the parser appends to its messages, and we do not.
    private const string Place = " LineNumber:";

    /// <summary>What is wrong, with its place where that is known, e.g. <c>'}' stands where a value must be (line 3, byte 12)</c>;
    /// without a full stop at the end.</summary>
    /// <param name="e">From reading JSON, or from reading a value out of it.</param>
    public static string Of(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return e is JsonException { LineNumber: { } line } json && json.Message.Contains(Place, StringComparison.Ordinal)
            ? FormattableString.Invariant($"{Reason(e)} (line {line + 1}, byte {(json.BytePositionInLine ?? 0) + 1})")
            : Reason(e);
    }

    /// <summary>The same without the place.</summary>
    /// <param name="e">From reading JSON, or from reading a value out of it.</param>
    public static string Reason(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        var end = e.Message.IndexOf(Place, StringComparison.Ordinal);
        var text = (end < 0 ? e.Message : e.Message[..end]).ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return e switch
        {
            JsonException => end < 0 && !text.StartsWith("The JSON value could not be converted", StringComparison.Ordinal) ? text
                : Parser(text),
            KeyNotFoundException => "a field is missing",
            InvalidOperationException => Kind(text),
            FormatException => Format(text),
            _ => text,
        };
    }

    // The order counts: some of the parser's messages have words of others.
    private static string Parser(string text) => text switch
    {
        _ when Has(text, "does not contain any JSON tokens") => NoValue,
        _ when Has(text, "maximum configured depth") => "it is nested too deep",
        _ when Has(text, "after a single JSON value") => $"{Found(text)} stands after the end of the value; there must be one value alone",
        _ when Has(text, "trailing comma") => "a comma stands before the closing bracket; leave it out",
        _ when Has(text, "depth to be zero") || Has(text, "end of data") || EndsInNumber().IsMatch(text) =>
            "it ends too early: a value, a list or an object is not complete",
        _ when Has(text, "escapable") || Has(text, "hex digit") =>
            $"{Found(text)} is no escape in a text; after \\ there must be one of \" \\ / b f n r t, or u and four hexadecimal digits",
        _ when Has(text, "within a JSON string") => $"{Found(text)} stands in a text; it must be written as an escape, such as \\n",
        _ when Has(text, "after a property name") => $"{Found(text)} stands where a colon must be",
        _ when Has(text, "property name") => $"{Found(text)} stands where a name in double quotes must be",
        _ when Has(text, "start of a value") => $"{Found(text)} stands where a value must be",
        _ when Has(text, "after a value") => $"{Found(text)} stands where a comma or a closing bracket must be",
        _ when Has(text, "leading zero") => "a number begins with 0, and more digits follow",
        _ when Has(text, "number") || Has(text, "digit") => $"{Found(text)} is no part of a number",
        _ when Has(text, "comment") => "a comment is not allowed here, or is not closed",
        _ when Has(text, "literal") => $"{Found(text)} is no value; there are true, false and null, and a text stands in double quotes",
        _ when Has(text, "could not be converted") => "a value is of another kind than was expected",
        _ => "it is no JSON",
    };

    private static string Kind(string text) =>
        WrongKind().Match(text) is { Success: true } kinds
            ? $"a value is {Name(kinds.Groups["is"].Value)}, where {Name(kinds.Groups["must"].Value)} was expected"
        : Has(text, "UTF-8") || Has(text, "UTF-16") ? "a text is not valid UTF-8, or has half a surrogate pair"
        : text;

    private static string Format(string text) =>
        Has(text, "identified items") ? "a number is out of its range, or has a fraction where it must be whole"
        : Has(text, "Base-64") || Has(text, "Base64") ? "a text is not Base64"
        : BadText().Match(text) is { Success: true } bad ? $"\"{bad.Groups["text"].Value}\" is not of the form that was expected"
        : text;

    /// <summary>The character that the parser names, as it names it.</summary>
    private static string Found(string text)
    {
        if (Character().Match(text) is not { Success: true, Value: var found })
            return "something else";
        // A word that is no value comes with what follows it.
        var end = found.AsSpan(2..^1).IndexOfAny(_behindWord);
        return end < 0 ? found : $"{found.AsSpan(0, end + 2)}'";
    }

    private static string Name(string kind) => kind switch
    {
        "Object" => "an object",
        "Array" => "a list",
        "String" => "a text",
        "Number" => "a number",
        "Null" => "null",
        "True" or "False" or "Boolean" => "true or false",
        "Undefined" => "missing",
        _ => kind,
    };

    private static bool Has(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("element of type '(?<must>\\w+)', but the target element has type '(?<is>\\w+)'")]
    private static partial Regex WrongKind();

    [GeneratedRegex("^(The input string|The string|String) '(?<text>[^']*)' was not")]
    private static partial Regex BadText();

    [GeneratedRegex("^'[0-9]' is an invalid end of a number")]
    private static partial Regex EndsInNumber();

    [GeneratedRegex("^'.+?'(?= is )")]
    private static partial Regex Character();
}
