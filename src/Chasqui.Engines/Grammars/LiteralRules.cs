using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>The values of <c>enum</c> and <c>const</c>, with their numbers spelled as in the schema.</summary>
internal sealed class LiteralRules(JsonRules json)
{
    /// <summary>The values that satisfy the view; null where none does.</summary>
    public Gbnf? Of(SchemaView view)
    {
        if (view.SaysObject || view.SaysArray || view.Pattern is not null)
            throw view.Place.Fail("enum or const beside properties, items or pattern is not supported; list only values that fit");
        var fitting = view.Values!.Where(value => Fits(view, value)).ToList();
        return fitting.Count == 0 ? null : Gbnf.Any(fitting.Select(Json));
    }

    /// <summary>A text as JSON, characters beyond ASCII as they are.</summary>
    public static string Quote(string text)
    {
        var buffer = new StringBuilder("\"");
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => buffer.Append('\\').Append(c),
                '\b' => buffer.Append("\\b"),
                '\f' => buffer.Append("\\f"),
                '\n' => buffer.Append("\\n"),
                '\r' => buffer.Append("\\r"),
                '\t' => buffer.Append("\\t"),
                < ' ' => buffer.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => buffer.Append(c),
            };
        }

        return buffer.Append('"').ToString();
    }

    private static bool Fits(SchemaView view, JsonElement value)
    {
        var types = view.Types ?? SchemaTypes.All;
        return value.ValueKind switch
        {
            JsonValueKind.Object => types.HasFlag(SchemaTypes.Object),
            JsonValueKind.Array => types.HasFlag(SchemaTypes.Array),
            JsonValueKind.True or JsonValueKind.False => types.HasFlag(SchemaTypes.Boolean),
            JsonValueKind.Null => types.HasFlag(SchemaTypes.Null),
            JsonValueKind.String => types.HasFlag(SchemaTypes.String) && LengthFits(view, value.GetString()!),
            _ => NumberFits(view, types, value),
        };
    }

    private static bool LengthFits(SchemaView view, string text)
    {
        int length = text.EnumerateRunes().Count();
        return length >= view.MinLength && !(length > view.MaxLength);
    }

    private static bool NumberFits(SchemaView view, SchemaTypes types, JsonElement value)
    {
        if (!value.TryGetDecimal(out decimal number))
            return types.HasFlag(SchemaTypes.Fractional) && !view.SaysNumber;
        bool typed = types.HasFlag(decimal.Floor(number) == number ? SchemaTypes.Integer : SchemaTypes.Fractional);
        return typed
            && (view.Min is not { } min || (min.Exclusive ? number > min.Value : number >= min.Value))
            && (view.Max is not { } max || (max.Exclusive ? number < max.Value : number <= max.Value));
    }

    private Gbnf Json(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Gbnf.Text(Quote(value.GetString()!)),
        JsonValueKind.Array => Enclosed("[", value.EnumerateArray().Select(Json), "]"),
        JsonValueKind.Object => Enclosed("{", value.EnumerateObject().Select(property =>
            Gbnf.Seq(Gbnf.Text(Quote(property.Name) + ":"), json.Space, Json(property.Value))), "}"),
        _ => Gbnf.Text(value.GetRawText()),
    };

    private Gbnf Enclosed(string open, IEnumerable<Gbnf> items, string close)
    {
        var all = new List<Gbnf> { Gbnf.Text(open), json.Space };
        bool any = false;
        foreach (var item in items)
        {
            all.Add(any ? Gbnf.Seq(json.Comma, item) : item);
            any = true;
        }

        if (any)
            all.Add(json.Space);
        all.Add(Gbnf.Text(close));
        return Gbnf.Seq(all);
    }
}
