using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;

namespace Chasqui.Server;

/// <summary>
/// Writes JSON as Go's <c>encoding/json</c> spells it, straight into a buffer: no spaces, <c>&lt; &gt; &amp;</c> and U+2028/9
/// escaped, other characters as they are, numbers in Go's shortest form. Clients that compare bytes see no difference.
/// </summary>
internal ref struct JsonText(IBufferWriter<byte> output)
{
    private static readonly SearchValues<char> _escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Select(c => (char)c), '"', '\\', '<', '>', '&', '\u2028', '\u2029']);

    private readonly IBufferWriter<byte> _output = output;
    private bool _comma;

    public void BeginObject() => Begin("{"u8);

    public void EndObject() => End("}"u8);

    public void BeginArray() => Begin("["u8);

    public void EndArray() => End("]"u8);

    /// <summary>A member's name that needs no escaping.</summary>
    public void Name(ReadOnlySpan<byte> name)
    {
        Separate();
        _output.Write("\""u8);
        _output.Write(name);
        _output.Write("\":"u8);
        _comma = false;
    }

    public void Name(string name)
    {
        Separate();
        Quoted(name);
        _output.Write(":"u8);
        _comma = false;
    }

    public void Value(scoped ReadOnlySpan<char> text)
    {
        Separate();
        Quoted(text);
        _comma = true;
    }

    public void Value(bool value) => Raw(value ? "true"u8 : "false"u8);

    public void Value(long value)
    {
        Separate();
        var span = _output.GetSpan(20);
        value.TryFormat(span, out var written, default, System.Globalization.CultureInfo.InvariantCulture);
        _output.Advance(written);
        _comma = true;
    }

    public void Value(double value)
    {
        if (!Plain(value))
            Raw(Encoding.ASCII.GetBytes(GoNumber.Format(value)));
    }

    public void Value(float value)
    {
        if (!Plain(value))
            Raw(Encoding.ASCII.GetBytes(GoNumber.Format(value)));
    }

    /// <summary>A point in time, RFC 3339 in UTC with the fraction's trailing zeros dropped.</summary>
    public void Value(DateTimeOffset time)
    {
        Separate();
        _output.Write("\""u8);
        var span = _output.GetSpan(32);
        time.UtcDateTime.TryFormat(span, out var written, "yyyy-MM-ddTHH:mm:ss.FFFFFFFZ", System.Globalization.CultureInfo.InvariantCulture);
        _output.Advance(written);
        _output.Write("\""u8);
        _comma = true;
    }

    /// <summary>A duration in nanoseconds.</summary>
    public void Value(TimeSpan duration) => Value(duration.Ticks * TimeSpan.NanosecondsPerTick);

    public void Null() => Raw("null"u8);

    /// <summary>A whole JSON value that is known to be valid.</summary>
    public void Raw(scoped ReadOnlySpan<byte> json)
    {
        Separate();
        _output.Write(json);
        _comma = true;
    }

    public void Value(JsonNode? node)
    {
        switch (node)
        {
            case null:
                Null();
                break;
            case JsonObject members:
                BeginObject();
                foreach (var (name, value) in members)
                {
                    Name(name);
                    Value(value);
                }
                EndObject();
                break;
            case JsonArray items:
                BeginArray();
                foreach (var item in items)
                    Value(item);
                EndArray();
                break;
            case JsonValue scalar when scalar.TryGetValue(out string? text):
                Value(text);
                break;
            case JsonValue scalar when scalar.TryGetValue(out float single):
                Value(single);
                break;
            case JsonValue scalar when scalar.TryGetValue(out double number) && !IsWhole(scalar):
                Value(number);
                break;
            default:
                Raw(Encoding.UTF8.GetBytes(node.ToJsonString()));
                break;
        }
    }

    /// <summary>Writes a number whose shortest form needs no exponent, as nearly all do; false for the others.</summary>
    private bool Plain<T>(T value) where T : IUtf8SpanFormattable
    {
        Span<byte> digits = stackalloc byte[32];
        if (!value.TryFormat(digits, out var written, default, System.Globalization.CultureInfo.InvariantCulture)
            || digits[..written].Contains((byte)'E') || !char.IsAsciiDigit((char)digits[written - 1]))
            return false;
        Raw(digits[..written]);
        return true;
    }

    private static bool IsWhole(JsonValue value) => value.TryGetValue(out long _) || value.TryGetValue(out ulong _);

    private void Begin(ReadOnlySpan<byte> bracket)
    {
        Separate();
        _output.Write(bracket);
        _comma = false;
    }

    private void End(ReadOnlySpan<byte> bracket)
    {
        _output.Write(bracket);
        _comma = true;
    }

    private readonly void Separate()
    {
        if (_comma)
            _output.Write(","u8);
    }

    private readonly void Quoted(scoped ReadOnlySpan<char> text)
    {
        _output.Write("\""u8);
        while (text.IndexOfAny(_escaped) is var at and >= 0)
        {
            Encoding.UTF8.GetBytes(text[..at], _output);
            Escape(text[at]);
            text = text[(at + 1)..];
        }
        Encoding.UTF8.GetBytes(text, _output);
        _output.Write("\""u8);
    }

    private readonly void Escape(char c)
    {
        switch (c)
        {
            case '"': _output.Write("\\\""u8); break;
            case '\\': _output.Write("\\\\"u8); break;
            case '\b': _output.Write("\\b"u8); break;
            case '\f': _output.Write("\\f"u8); break;
            case '\n': _output.Write("\\n"u8); break;
            case '\r': _output.Write("\\r"u8); break;
            case '\t': _output.Write("\\t"u8); break;
            default:
                var span = _output.GetSpan(6);
                "\\u"u8.CopyTo(span);
                ((int)c).TryFormat(span[2..], out _, "x4", System.Globalization.CultureInfo.InvariantCulture);
                _output.Advance(6);
                break;
        }
    }
}
