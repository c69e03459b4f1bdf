namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Files that are no models, or damaged ones: an error for whoever asks for them, and nothing for the others.</summary>
[Collection(EngineCollection.Name)]
public sealed class BadFileTests
{
    private static readonly byte[] _good = File.ReadAllBytes(EngineBed.ModelFile);

    public static TheoryData<string> Kinds() => [.. _files.Keys];

    private static readonly Dictionary<string, Func<byte[]>> _files = new()
    {
        ["empty"] = () => [],
        ["junk"] = () =>
        {
            var bytes = new byte[100_000];
            new Random(1).NextBytes(bytes);
            return bytes;
        },
        ["the letters GGUF and junk"] = () =>
        {
            var bytes = new byte[100_000];
            new Random(2).NextBytes(bytes);
            "GGUF"u8.CopyTo(bytes);
            return bytes;
        },
        ["cut in its header"] = () => _good[..5000],
        ["cut in its weights"] = () => _good[..(_good.Length / 2)],
        ["without its last byte"] = () => _good[..^1],
        ["an architecture that nobody knows"] = () => Replaced("llama", "lamma"),
        ["a tokenizer that nobody knows"] = () => Replaced("gpt2", "gpt9"),
        ["a tensor missing"] = () => Replaced("blk.0.attn_q.weight", "blk.0.attn_x.weight"),
        ["a key missing"] = () => Replaced("llama.attention.head_count", "llama.attention.heap_count"),
    };

    /// <summary>Another text of the same length, everywhere in the header.</summary>
    private static byte[] Replaced(string text, string by)
    {
        var bytes = _good.ToArray();
        var header = bytes.AsSpan(0, Math.Min(bytes.Length, 60_000));
        var found = 0;
        for (int at; (at = header.IndexOf(System.Text.Encoding.ASCII.GetBytes(text))) >= 0; found++)
            System.Text.Encoding.ASCII.GetBytes(by).CopyTo(header[at..]);
        Assert.True(found > 0, text);
        return bytes;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_bad_file_is_an_error_and_the_others_answer(string kind)
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, ContextLength = 256 });
        await File.WriteAllBytesAsync(Path.Combine(bed.Folder, "bad.gguf"), _files[kind](), EngineBed.Token);
        var other = bed.Ask("Tell me a story about a dog.");
        foreach (var run in new Func<Task>[]
        {
            () => bed.Chat(EngineBed.Question("Hello!", model: "bad")),
            () => bed.Engine.LoadAsync(new LoadRequest { Model = "bad" }, EngineBed.Token),
            () => bed.Engine.EmbedAsync(new EmbedRequest { Model = "bad", Inputs = ["x"] }, EngineBed.Token),
        })
        {
            var error = await Assert.ThrowsAnyAsync<EngineException>(() => run().WaitAsync(EngineBed.Patience, EngineBed.Token));
            Assert.True(error is ModelLoadException or ModelNotFoundException or UnsupportedCapabilityException, error.ToString());
            Assert.DoesNotContain("   at ", error.Message, StringComparison.Ordinal);
        }

        Assert.NotEqual("", (await other).Text);
        Assert.Equal("mini:latest", (await bed.Engine.ListResidentAsync(EngineBed.Token)).Single().Summary.Name);
        Assert.False(await bed.Engine.UnloadAsync("mini", EngineBed.Token) && (await bed.Engine.ListAsync(EngineBed.Token)).Count == 0);
    }

    [Fact]
    public async Task A_file_that_is_put_right_is_loaded()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, ContextLength = 256 });
        var path = Path.Combine(bed.Folder, "late.gguf");
        await File.WriteAllBytesAsync(path, Replaced("blk.0.attn_q.weight", "blk.0.attn_x.weight"), EngineBed.Token);
        await Assert.ThrowsAsync<ModelLoadException>(() => bed.Chat(EngineBed.Question("Hello!", model: "late")));
        await File.WriteAllBytesAsync(path, _good, EngineBed.Token);
        Assert.NotEqual("", (await bed.Chat(EngineBed.Question("Hello!", model: "late"))).Text);
    }

    [Fact]
    public async Task Twenty_who_ask_for_a_bad_file_at_once_all_get_the_error()
    {
        await using var bed = new EngineBed();
        await File.WriteAllBytesAsync(
            Path.Combine(bed.Folder, "bad.gguf"), Replaced("blk.0.attn_q.weight", "blk.0.attn_x.weight"), EngineBed.Token);
        var before = DecodeThreads.Count;
        var all = Enumerable.Range(0, 20).Select(_ => bed.Chat(EngineBed.Question("Hello!", model: "bad"))).ToArray();
        foreach (var task in all)
            await Assert.ThrowsAsync<ModelLoadException>(() => task.WaitAsync(EngineBed.Patience, EngineBed.Token));
        Assert.Equal(before, DecodeThreads.Count);
        Assert.Empty(await bed.Engine.ListResidentAsync(EngineBed.Token));
    }
}
