using System.Buffers;
using System.Text;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Tests.Http;

/// <summary>Texts in the JSON that nodes and models are given.</summary>
public sealed class PlainEncoderTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("if (a<b && c>d) 'é中' + / \u007F", "if (a<b && c>d) 'é中' + / \u007F")]
    [InlineData("\U0001F600 \u00A0 \u2028 \uFEFF \uE000", "\U0001F600 \u00A0 \u2028 \uFEFF \uE000")]
    [InlineData("\"\\\n\r\t\b\f\u0001\u001F", "\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f")]
    public void Only_what_JSON_has_no_other_way_for_is_escaped(string text, string written)
    {
        Assert.Equal($"\"{written}\"", Written(json => json.WriteStringValue(text)));
        Assert.Equal($"{{\"{written}\":1}}", Written(json =>
        {
            json.WriteStartObject();
            json.WriteNumber(text, 1);
            json.WriteEndObject();
        }));
        var utf8 = Encoding.UTF8.GetBytes(text);
        Assert.Equal($"\"{written}\"", Written(json => json.WriteStringValue(utf8)));
    }

    [Fact]
    public void Half_a_pair_is_replaced()
    {
        Assert.Equal("\"a\uFFFD\"", Written(json => json.WriteStringValue("a\uD83D")));
        Assert.Equal("\"\uFFFDb\"", Written(json => json.WriteStringValue("\uDE00b")));
    }

    [Fact]
    public void What_a_client_escaped_is_written_as_the_character()
    {
        using var document = JsonDocument.Parse("""{"a":"\ud83d\ude00\u00a0\u003c\u0041","é\u00e9":[]}""");

        Assert.Equal("{\"a\":\"\U0001F600\u00A0<A\",\"éé\":[]}", Written(json => document.RootElement.WriteTo(json)));
    }

    [Fact]
    public void Every_character_is_read_back()
    {
        var text = new StringBuilder();
        for (var scalar = 0; scalar <= 0x10FFFF; scalar += scalar < 0x3000 ? 1 : 251)
        {
            if (Rune.IsValid(scalar))
                text.Append(new Rune(scalar));
        }

        Assert.Equal(text.ToString(), JsonElement.Parse(Written(json => json.WriteStringValue(text.ToString()))).GetString());
    }

    private static string Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = JsonWriting.PlainWriter(buffer))
            write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
