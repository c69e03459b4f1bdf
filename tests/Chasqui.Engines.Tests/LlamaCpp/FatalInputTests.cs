using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>What llama.cpp would end the process over does not reach it. Where one of these tests fails, the whole run dies.</summary>
[Collection(EngineCollection.Name)]
public sealed class FatalInputTests
{
    [Theory]
    [InlineData("tekken")]
    [InlineData("deepseek-llm")]
    [InlineData("bloom")]
    public async Task A_word_of_very_many_characters_is_tokenized(string preTokenizer)
    {
        await using var bed = new EngineBed();
        Rewrite(bed, "tokenizer.ggml.pre", preTokenizer);
        foreach (var character in (string[])["a", " ", "!", "中", "\n"])
        {
            var text = string.Concat(Enumerable.Repeat(character, 100_000));
            var tokens = await bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = text, AddSpecial = true, ParseSpecial = true }, EngineBed.Token);
            Assert.NotEmpty(tokens);
        }
    }

    [Fact]
    public async Task Cutting_a_long_text_for_the_tokenizer_changes_no_token()
    {
        await using var bed = new EngineBed();
        const string Turn = "<|im_start|>user\nTell me a story about a dog!\nAnd about 12  cats, please.\n\n  Thanks<|im_end|>\n";
        var text = string.Concat(Enumerable.Repeat(Turn, 2_000));
        var one = await bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = Turn, AddSpecial = false, ParseSpecial = true }, EngineBed.Token);
        var all = await bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = text, AddSpecial = false, ParseSpecial = true }, EngineBed.Token);
        Assert.Equal(Enumerable.Repeat(one, 2_000).SelectMany(t => t), all);
    }

    [Theory]
    [InlineData("none", "it has no vocabulary")]
    [InlineData("llama", "its vocabulary has no token <0x00>")]
    public async Task A_model_without_the_tokens_that_any_text_can_be_written_with_is_refused(string tokenizer, string why)
    {
        await using var bed = new EngineBed();
        Rewrite(bed, "tokenizer.ggml.model", tokenizer);
        var error = await Assert.ThrowsAsync<ModelLoadException>(() => bed.Ask("Who are you?"));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_format_that_takes_too_long_to_follow_ends_its_answer_and_no_other()
    {
        // Each look at this clock takes a second, so that every token of a format is a slow one.
        await using var bed = new EngineBed(time: new HastyTime());
        using var schema = JsonDocument.Parse("""{"type": "string", "minLength": 50}""");
        var formatted = EngineBed.Question("Tell me a story.") with { Format = OutputFormat.FromSchema(schema.RootElement) };
        var error = await Assert.ThrowsAsync<InvalidFormatException>(() => bed.Chat(formatted));
        Assert.Contains("too ambiguous", error.Message, StringComparison.Ordinal);
        Assert.NotEqual("", (await bed.Ask("Tell me a story.")).Text);
    }

    [Fact]
    public async Task A_model_whose_file_was_replaced_is_loaded_again()
    {
        await using var bed = new EngineBed();
        var first = await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
        await bed.Ask("Who are you?");
        Assert.True((await bed.Resident()).Counters.Steps > 0);

        var path = Path.Combine(bed.Folder, "mini.gguf");
        File.Copy(path, path + ".new");
        File.SetLastWriteTimeUtc(path + ".new", new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.Move(path + ".new", path, overwrite: true);
        await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
        Assert.Equal(0, (await bed.Resident()).Counters.Steps);
        Assert.NotEqual(first.Summary.ModifiedAt, (await bed.Resident()).Summary.ModifiedAt);
    }

    [Fact]
    public async Task More_texts_than_an_answer_can_hold_vectors_are_refused()
    {
        await using var bed = new EngineBed();
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Engine.EmbedAsync(
            new EmbedRequest { Model = "mini", Inputs = [.. Enumerable.Repeat("a", 65_537)] }, EngineBed.Token));
        Assert.Contains("16384 for this model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Vectors_are_refused_where_there_is_no_memory_for_their_caches()
    {
        var available = 8L << 30;
        await using var bed = new EngineBed(availableBytes: () => available);
        Assert.NotEqual("", (await bed.Ask("Who are you?")).Text);
        available = 257L << 20;
        var texts = new EmbedRequest { Model = "mini", Inputs = ["a", "b"] };
        await Assert.ThrowsAsync<InsufficientMemoryException>(() => bed.Engine.EmbedAsync(texts, EngineBed.Token));

        // Room for the caches of some texts at once, and not of all eight.
        available = 280L << 20;
        Assert.Equal(2, (await bed.Engine.EmbedAsync(texts, EngineBed.Token)).Vectors.Count);
    }

    /// <summary>Gives a text of the file's metadata another value, and takes the difference from the description, so that the weights stay where they are.</summary>
    private static void Rewrite(EngineBed bed, string key, string value)
    {
        var path = Path.Combine(bed.Folder, "mini.gguf");
        var bytes = File.ReadAllBytes(path).ToList();
        var added = Replace(bytes, key, _ => value);
        Replace(bytes, "general.description", text => added > 0 ? text[..^added] : text + new string(' ', -added));
        File.WriteAllBytes(path, [.. bytes]);
    }

    private static int Replace(List<byte> bytes, string key, Func<string, string> change)
    {
        // A key, four bytes of type, and eight of length before the text.
        var at = bytes.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(key)) + key.Length + 4;
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.GetRange(at, 8).ToArray());
        var value = Encoding.UTF8.GetBytes(change(Encoding.UTF8.GetString(bytes.GetRange(at + 8, length).ToArray())));
        bytes.RemoveRange(at, 8 + length);
        bytes.InsertRange(at, [.. BitConverter.GetBytes((long)value.Length), .. value]);
        return value.Length - length;
    }

    private sealed class HastyTime : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Increment(ref _seconds);
    }
}
