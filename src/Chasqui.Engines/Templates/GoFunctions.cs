using System.Globalization;
using System.Net;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>The functions a template may call: Go's own, and those that Ollama adds.</summary>
internal static class GoFunctions
{
    private static readonly HashSet<string> _names =
    [
        "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf", "println",
        "html", "urlquery", "json", "currentDate", "yesterdayDate", "toTypeScriptType",
    ];

    public static bool Exists(string name) => _names.Contains(name);

    /// <summary>Calls a function other than <c>and</c> and <c>or</c>, whose arguments are not all evaluated.</summary>
    /// <exception cref="GoCallException">The arguments do not fit.</exception>
    public static object? Call(string name, ReadOnlySpan<object?> arguments, TemplateBudget budget, TimeProvider clock)
    {
        switch (name)
        {
            case "not": return !GoValue.IsTrue(One(name, arguments));
            case "eq": return Equal(arguments);
            case "ne": return !EqualPair(name, arguments);
            case "lt": return Compare(name, arguments) < 0;
            case "le": return Compare(name, arguments) <= 0;
            case "gt": return Compare(name, arguments) > 0;
            case "ge": return Compare(name, arguments) >= 0;
            case "len": return Length(One(name, arguments));
            case "index": return Index(arguments);
            case "slice": return Slice(arguments);
            case "print": return GoFormat.Print(arguments, budget, line: false);
            case "println": return GoFormat.Print(arguments, budget, line: true);
            case "printf":
                if (arguments.Length == 0 || arguments[0] is not string format)
                    throw new GoCallException("wrong type for value; expected string");
                return GoFormat.Printf(format, arguments[1..], budget);
            case "html": return Kept(WebUtility.HtmlEncode(GoFormat.Print(arguments, budget, line: false)), budget);
            case "urlquery": return Kept(Uri.EscapeDataString(GoFormat.Print(arguments, budget, line: false)), budget);
            case "json": return GoJson.Marshal(One(name, arguments), budget);
            case "currentDate": return Date(clock, 0);
            case "yesterdayDate": return Date(clock, -1);
            case "toTypeScriptType": return One(name, arguments) is GoRecord { TypeScript: { } type } ? type : "any";
            default: throw new GoCallException($"{GoQuote.Quote(name)} is not a defined function");
        }
    }

    private static string Kept(string text, TemplateBudget budget)
    {
        budget.Text(text.Length);
        return text;
    }

    private static string Date(TimeProvider clock, int days) =>
        clock.GetLocalNow().AddDays(days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static object? One(string name, ReadOnlySpan<object?> arguments) => arguments.Length == 1
        ? arguments[0]
        : throw WrongCount(name, 1, arguments.Length);

    private static GoCallException WrongCount(string name, int wanted, int got) => new(string.Create(
        CultureInfo.InvariantCulture, $"wrong number of args for {name}: want {wanted} got {got}"));

    private static bool Equal(ReadOnlySpan<object?> arguments)
    {
        if (arguments.Length < 2)
            throw new GoCallException("missing argument for comparison");
        bool equal = false;
        foreach (object? other in arguments[1..])
        {
            object? first = arguments[0];
            // Two values of different kinds cannot be compared, but nothing equals only nothing.
            if (first is not null && other is not null && Kind(first) != Kind(other))
                throw new GoCallException("incompatible types for comparison");
            if (first is GoList or GoMap && other is GoList or GoMap)
                throw new GoCallException("non-comparable types");
            if (equal = Equals(first, other))
                break;
        }

        return equal;
    }

    private static bool EqualPair(string name, ReadOnlySpan<object?> arguments) =>
        arguments.Length == 2 ? Equal(arguments) : throw WrongCount(name, 2, arguments.Length);

    private static int Compare(string name, ReadOnlySpan<object?> arguments)
    {
        if (arguments.Length != 2)
            throw WrongCount(name, 2, arguments.Length);
        return (arguments[0], arguments[1]) switch
        {
            (long a, long b) => a.CompareTo(b),
            (double a, double b) => a.CompareTo(b),
            (string a, string b) => string.CompareOrdinal(a, b),
            (long or double or string, long or double or string) => throw new GoCallException("incompatible types for comparison"),
            _ => throw new GoCallException("invalid type for comparison"),
        };
    }

    private static Type Kind(object value) => value.GetType();

    private static long Length(object? value) => value switch
    {
        string text => Encoding.UTF8.GetByteCount(text),
        GoList list => list.Items.Length,
        GoMap map => map.Entries.Count,
        null => throw new GoCallException("len of nil pointer"),
        _ => throw new GoCallException($"len of type {GoValue.TypeName(value)}"),
    };

    private static object? Index(ReadOnlySpan<object?> arguments)
    {
        if (arguments.Length == 0)
            throw new GoCallException("wrong number of args for index: want at least 1 got 0");
        object? value = arguments[0];
        foreach (object? key in arguments[1..])
        {
            value = value switch
            {
                GoList list => list.Items.Span[At(key, list.Items.Length)],
                GoMap map => key is string name
                    ? map.TryGet(name, out object? found) ? found : null
                    : throw new GoCallException($"value has type {GoValue.TypeName(key)}; should be string"),
                string text => (long)Encoding.UTF8.GetBytes(text)[At(key, Encoding.UTF8.GetByteCount(text))],
                null => throw new GoCallException("index of untyped nil"),
                _ => throw new GoCallException($"can't index item of type {GoValue.TypeName(value)}"),
            };
        }

        return value;
    }

    private static int At(object? key, int length) => key switch
    {
        long i when i >= 0 && i < length => (int)i,
        long i => throw new GoCallException(string.Create(CultureInfo.InvariantCulture, $"index out of range: {i}")),
        null => throw new GoCallException("cannot index slice/array with nil"),
        _ => throw new GoCallException($"cannot index slice/array with type {GoValue.TypeName(key)}"),
    };

    private static object? Slice(ReadOnlySpan<object?> arguments)
    {
        if (arguments.Length is 0 or > 4)
            throw new GoCallException("wrong number of args for slice: want at least 1 and at most 4");
        object? value = arguments[0];
        int length = value switch
        {
            string or GoList => (int)Length(value),
            null => throw new GoCallException("slice of untyped nil"),
            _ => throw new GoCallException($"can't slice item of type {GoValue.TypeName(value)}"),
        };
        int from = arguments.Length > 1 ? At(arguments[1], length + 1) : 0;
        int to = arguments.Length > 2 ? At(arguments[2], length + 1) : length;
        if (arguments.Length > 3)
            _ = value is string ? throw new GoCallException("cannot 3-index slice a string") : At(arguments[3], length + 1);
        if (from > to)
            throw new GoCallException(string.Create(CultureInfo.InvariantCulture, $"invalid slice index: {from} > {to}"));
        return value switch
        {
            GoList list => list with { Items = list.Items[from..to] },
            string text => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text).AsSpan(from, to - from)),
            _ => null,
        };
    }
}

/// <summary>A call failed; whoever evaluates the call says where.</summary>
internal sealed class GoCallException(string message) : Exception(message);
