using System.Text;
using CsCheck;

namespace Chasqui.Server.Tests;

public sealed class RequestJsonTests
{
    [Theory]
    [InlineData("""{"a":1} trailing""")]
    [InlineData("""  {"a":1}{"a":2}""")]
    [InlineData("\ufeff{\"a\":1}")]
    public void Only_the_first_value_counts(string body) => Assert.Equal(1, Parse(body).GetProperty("a").GetInt32());

    [Theory]
    [InlineData("", "missing request body")]
    [InlineData(" \r\n\t", "missing request body")]
    [InlineData("{\"model\":", "unexpected EOF")]
    [InlineData("{\"model\": \"x", "unexpected EOF")]
    [InlineData("{", "unexpected EOF")]
    [InlineData("tru", "unexpected EOF")]
    [InlineData("hello", "invalid character 'h' looking for beginning of value")]
    [InlineData("{'a':1}", "invalid JSON: unexpected character '\\'' at line 1, byte 2")]
    [InlineData("{\n  \"a\": 1,\n  b\n}", "invalid JSON: unexpected character 'b' at line 3, byte 3")]
    public void What_is_no_JSON_is_refused_with_the_place(string body, string error) =>
        Assert.Equal(error, Assert.Throws<InvalidRequestException>(() => Parse(body)).Message);

    [Fact]
    public void Deep_nesting_is_refused()
    {
        var body = new string('[', 100_000);
        Assert.Equal("invalid JSON: more than 64 levels of nesting", Assert.Throws<InvalidRequestException>(() => Parse(body)).Message);
    }

    [Theory]
    [InlineData(@"""\ud83d""", "\ufffd")]
    [InlineData(@"""\ude00\ud83d\ude00""", "\ufffd😀")]
    [InlineData(@"""\\ud83d""", @"\ud83d")]
    [InlineData(@"""\ud83dx\u0041""", "\ufffdxA")]
    public void Lone_surrogates_become_the_replacement_character(string json, string expected) => Assert.Equal(expected, Parse(json).GetString());

    [Fact]
    public void Bytes_that_are_not_UTF8_become_the_replacement_character()
    {
        byte[] body = [.. "\"a"u8, 0xC3, .. "b\""u8];
        Assert.Equal("a\ufffdb", RequestJson.Parse(body).RootElement.GetString());
    }

    [Fact]
    public void Any_bytes_are_read_or_refused() => Gen.Byte.Array[0, 60].Sample(bytes =>
    {
        try
        {
            RequestJson.Parse(bytes).Dispose();
        }
        catch (InvalidRequestException e)
        {
            Assert.NotEmpty(e.Message);
        }
    });

    [Fact]
    public void Any_text_of_JSON_characters_is_read_or_refused() => Gen.String["{}[]\",:\\udf8e01.-+ \ntrue\0"].Sample(text =>
    {
        try
        {
            using var document = RequestJson.Parse(Encoding.UTF8.GetBytes(text));
            if (document.RootElement.ValueKind == System.Text.Json.JsonValueKind.String)
                Assert.NotNull(document.RootElement.GetString());
        }
        catch (InvalidRequestException e)
        {
            Assert.NotEmpty(e.Message);
        }
    });

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    public void So_many_objects_that_they_become_much_more_than_their_bytes_are_refused(string one)
    {
        string Many(int count) => $$"""{"messages":[{{string.Join(',', Enumerable.Repeat(one, count))}}]}""";

        Assert.Equal(RequestJson.MaxContainers - 1, Parse(Many(RequestJson.MaxContainers - 1)).GetProperty("messages").GetArrayLength());
        var error = Assert.Throws<InvalidRequestException>(() => Parse(Many(RequestJson.MaxContainers)));
        Assert.Equal("the request body has more than 131072 objects and arrays; send it in parts", error.Message);
    }

    private static System.Text.Json.JsonElement Parse(string body) => RequestJson.Parse(Encoding.UTF8.GetBytes(body)).RootElement;
}
