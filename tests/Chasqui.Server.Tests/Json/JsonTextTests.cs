using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;

namespace Chasqui.Server.Tests;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData("<|im_start|>&", @"\u003c|im_start|\u003e\u0026")]
    [InlineData("a\"b\\c", """a\"b\\c""")]
    [InlineData("\b\f\n\r\t\u0001\u001f", @"\b\f\n\r\t\u0001\u001f")]
    [InlineData("\u2028\u2029", @"\u2028\u2029")]
    [InlineData("é 日本 😀 '+/`\u007f", "é 日本 😀 '+/`\u007f")]
    public void Text_is_escaped_as_in_Go(string text, string expected) => Assert.Equal($"\"{expected}\"", Write(text));

    [Fact]
    public void Half_a_surrogate_pair_becomes_the_replacement_character() => Assert.Equal("\"a\ufffdb\"", Write("a\ud83db"));

    [Fact]
    public void Any_text_reads_back_the_same() => Gen.String.Sample(text =>
    {
        var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return JsonDocument.Parse(Write(text)).RootElement.GetString() == valid;
    });

    [Theory]
    [InlineData("2026-11-22T20:22:27.9513010+00:00", "2026-11-22T20:22:27.951301Z")]
    [InlineData("2026-11-22T22:22:27.0000000+02:00", "2026-11-22T20:22:27Z")]
    [InlineData("2026-11-22T20:22:27.1234567+00:00", "2026-11-22T20:22:27.1234567Z")]
    public void Times_are_UTC_without_trailing_zeros(string time, string expected)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var json = new JsonText(buffer);
        json.Value(DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal($"\"{expected}\"", Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    [Fact]
    public void Any_number_is_written_as_in_Go() => Gen.Select(Gen.Double, Gen.Float).Sample((real, single) =>
    {
        var buffer = new ArrayBufferWriter<byte>();
        var json = new JsonText(buffer);
        json.BeginArray();
        json.Value(real);
        json.Value(single);
        json.EndArray();
        return Encoding.UTF8.GetString(buffer.WrittenSpan) == $"[{GoNumber.Format(real)},{GoNumber.Format(single)}]";
    });

    private static string Write(string text)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var json = new JsonText(buffer);
        json.Value(text);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
