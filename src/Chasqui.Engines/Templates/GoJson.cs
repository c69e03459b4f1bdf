using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Templates;

/// <summary>Writes values as Go's <c>encoding/json</c> does: compact, and with <c>&lt;</c>, <c>&gt;</c> and <c>&amp;</c> escaped.</summary>
internal static class GoJson
{
    private const int MaxDepth = 200;

    public static string Marshal(object? value, TemplateBudget budget)
    {
        var text = new StringBuilder();
        Write(text, value, budget, 0);
        budget.Text(text.Length);
        return text.ToString();
    }

    /// <summary>A value of JSON in Go's spelling: keys sorted, numbers in their shortest form.</summary>
    public static string Marshal(JsonElement value) => Marshal(TemplateData.Value(value), TemplateBudget.OfModel(TemplateBudget.MostOutput));

    private static void Write(StringBuilder text, object? value, TemplateBudget budget, int depth)
    {
        budget.Step();
        if (depth > MaxDepth || text.Length > budget.MaxText)
            throw budget.TooMuch();
        switch (value)
        {
            case null or GoList { IsNil: true } or GoMap { IsNil: true }:
                text.Append("null");
                break;
            case bool b:
                text.Append(b ? "true" : "false");
                break;
            case long n:
                text.Append(CultureInfo.InvariantCulture, $"{n}");
                break;
            case double d:
                text.Append(GoFloat.Json(d));
                break;
            case string s:
                WriteString(text, s);
                break;
            case GoList list:
                text.Append('[');
                for (int i = 0; i < list.Items.Length; i++)
                {
                    if (i > 0)
                        text.Append(',');
                    Write(text, list.Items.Span[i], budget, depth + 1);
                }

                text.Append(']');
                break;
            case GoMap map:
                WriteObject(text, map.Entries, budget, depth);
                break;
            case GoRecord record:
                WriteObject(text, record.Fields.Where(field => !field.OmitEmpty || !GoValue.IsEmpty(field.Value))
                    .Select(field => KeyValuePair.Create(field.JsonName, field.Value)), budget, depth);
                break;
        }
    }

    private static void WriteObject(
        StringBuilder text, IEnumerable<KeyValuePair<string, object?>> entries, TemplateBudget budget, int depth)
    {
        text.Append('{');
        bool first = true;
        foreach (var (key, value) in entries)
        {
            if (!first)
                text.Append(',');
            first = false;
            WriteString(text, key);
            text.Append(':');
            Write(text, value, budget, depth + 1);
        }

        text.Append('}');
    }

    private static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            switch (c)
            {
                case '"' or '\\': text.Append('\\').Append(c); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                case < ' ' or '<' or '>' or '&' or '\u2028' or '\u2029':
                    text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                case >= '\ud800' and <= '\udfff':
                    if (char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
                        text.Append(c).Append(value[++i]);
                    else
                        text.Append("\\ufffd");
                    break;
                default: text.Append(c); break;
            }
        }

        text.Append('"');
    }
}
