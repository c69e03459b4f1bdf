using System.Text;
using System.Text.Json;

namespace Chasqui.Gateway.Tests;

/// <summary>What is told of JSON and of files that cannot be read: our words, not those of the runtime.</summary>
public sealed class JsonProblemTests
{
    [Theory]
    [InlineData("", "there is no value (line 1, byte 1)")]
    [InlineData("{\n\"a\":", "it ends too early: a value, a list or an object is not complete (line 2, byte 5)")]
    [InlineData("[1", "it ends too early: a value, a list or an object is not complete (line 1, byte 3)")]
    [InlineData("\"abc", "it ends too early: a value, a list or an object is not complete (line 1, byte 5)")]
    [InlineData("{} {}", "'{' stands after the end of the value; there must be one value alone (line 1, byte 4)")]
    [InlineData("{\"a\":1,}", "a comma stands before the closing bracket; leave it out (line 1, byte 8)")]
    [InlineData("{a:1}", "'a' stands where a name in double quotes must be (line 1, byte 2)")]
    [InlineData("{\"a\" 1}", "'1' stands where a colon must be (line 1, byte 6)")]
    [InlineData("{\"a\":}", "'}' stands where a value must be (line 1, byte 6)")]
    [InlineData("[1 2]", "'2' stands where a comma or a closing bracket must be (line 1, byte 4)")]
    [InlineData("\"\\x\"",
        "'x' is no escape in a text; after \\ there must be one of \" \\ / b f n r t, or u and four hexadecimal digits (line 1, byte 3)")]
    [InlineData("\"\\u12g4\"",
        "'g' is no escape in a text; after \\ there must be one of \" \\ / b f n r t, or u and four hexadecimal digits (line 1, byte 6)")]
    [InlineData("\"a\nb\"", "'0x0A' stands in a text; it must be written as an escape, such as \\n (line 1, byte 3)")]
    [InlineData("01", "a number begins with 0, and more digits follow (line 1, byte 2)")]
    [InlineData("1x", "'x' is no part of a number (line 1, byte 2)")]
    [InlineData("nope } ", "'nope' is no value; there are true, false and null, and a text stands in double quotes (line 1, byte 2)")]
    [InlineData("no", "'no' is no value; there are true, false and null, and a text stands in double quotes (line 1, byte 2)")]
    public void What_is_no_JSON_is_said_with_its_place(string text, string said) =>
        Assert.Equal(said, JsonProblem.Of(Assert.ThrowsAny<JsonException>(() => JsonElement.Parse(text))));

    [Fact]
    public void Nesting_is_bounded() =>
        Assert.StartsWith("it is nested too deep (", JsonProblem.Of(Assert.ThrowsAny<JsonException>(() =>
            JsonElement.Parse(new string('[', 100)))), StringComparison.Ordinal);

    [Fact]
    public void A_value_of_another_kind_is_said_in_the_words_of_JSON()
    {
        Assert.Equal("a value is null, where an object was expected", Of("null", json => json.TryGetProperty("a", out _)));
        Assert.Equal("a value is a number, where a text was expected", Of("5", json => json.GetString()));
        Assert.Equal("a value is a text, where a list was expected", Of("\"x\"", json => json.EnumerateArray()));
        Assert.Equal("a value is an object, where true or false was expected", Of("{}", json => json.GetBoolean()));
        Assert.Equal("a number is out of its range, or has a fraction where it must be whole", Of("5.5", json => json.GetInt32()));
        Assert.Equal("a field is missing", Of("{}", json => json.GetProperty("a")));
        Assert.Equal("a text is not valid UTF-8, or has half a surrogate pair", Of("\"\\ud800\"", json => json.GetString()));
        Assert.Equal("a value is of another kind than was expected (line 1, byte 5)",
            Of("[]", _ => JsonSerializer.Deserialize<int[]>("[\"a\"]")));
    }

    [Fact]
    public void Messages_of_ours_pass_as_they_are()
    {
        Assert.Equal("it is empty", JsonProblem.Of(new JsonException("it is empty", null, 0, null)));
        Assert.Equal("at is \"x\", but must be a number", JsonProblem.Of(new FormatException("at is \"x\", but must be a number")));
    }

    [Fact]
    public void A_file_is_told_without_its_path_again()
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-file-").FullName;
        try
        {
            var file = Path.Combine(folder, "file");
            File.WriteAllText(file, "");
            using var held = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            Assert.Equal("it does not exist", Of(Path.Combine(folder, "none")));
            Assert.Equal("its folder does not exist", Of(Path.Combine(folder, "none", "none")));
            Assert.Equal("it is a folder", Of(folder));
            Assert.Equal("another program uses it", Of(file));
            Assert.Equal($"{folder}: it is a folder", FileProblem.WithPath(Assert.ThrowsAny<Exception>(() => File.ReadAllText(folder))));
            Assert.Equal("no space left on device", FileProblem.Of(new IOException($"No space left on device : '{file}'")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static string Of(string path) => FileProblem.Of(Assert.ThrowsAny<Exception>(() => File.ReadAllText(path)), path);
    }

    private static string Of(string text, Func<JsonElement, object?> read) =>
        JsonProblem.Of(Assert.ThrowsAny<Exception>(() => read(JsonDocument.Parse(Encoding.UTF8.GetBytes(text)).RootElement)));
}
