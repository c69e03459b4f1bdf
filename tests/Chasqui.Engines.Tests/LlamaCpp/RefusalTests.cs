using System.Text.Json;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>What cannot be done is refused by name, and the engine answers the next as before.</summary>
[Collection(EngineCollection.Name)]
public sealed class RefusalTests(SharedEngine shared)
{
    private readonly EngineBed _bed = shared.Bed;

    public static TheoryData<string, GenerationOptions> OutOfRange() => new()
    {
        { "num_batch", new() { NumBatch = 0 } },
        { "num_batch", new() { NumBatch = 8193 } },
        { "num_thread", new() { NumThread = 513 } },
        { "num_thread", new() { NumThread = -1 } },
        { "temperature", new() { Temperature = -0.1f } },
        { "temperature", new() { Temperature = float.NaN } },
        { "temperature", new() { Temperature = float.PositiveInfinity } },
        { "top_p", new() { TopP = 1.01f } },
        { "top_p", new() { TopP = float.NaN } },
        { "min_p", new() { MinP = -1 } },
        { "typical_p", new() { TypicalP = 2 } },
        { "num_ctx", new() { NumCtx = -5 } },
        { "num_ctx", new() { NumCtx = 0 } },
        { "repeat_last_n", new() { RepeatLastN = -2 } },
        { "repeat_penalty", new() { RepeatPenalty = 0 } },
        { "repeat_penalty", new() { RepeatPenalty = float.NaN } },
        { "presence_penalty", new() { PresencePenalty = 101 } },
        { "frequency_penalty", new() { FrequencyPenalty = float.NegativeInfinity } },
        { "stop", new() { Stop = ["a", ""] } },
        { "stop", new() { Stop = [.. Enumerable.Range(0, 65).Select(i => $"s{i}")] } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public async Task An_option_out_of_its_range_is_named(string option, GenerationOptions options)
    {
        foreach (var run in new Func<Task>[]
        {
            () => _bed.Ask("Hello!", options),
            () => _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Hello!", Options = options }),
            () => _bed.Engine.LoadAsync(new LoadRequest { Model = "mini", Options = options }, EngineBed.Token),
            () => _bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x"], Options = options }, EngineBed.Token),
        })
        {
            var error = await Assert.ThrowsAsync<InvalidOptionException>(run);
            Assert.Equal(option, error.Option);
            Assert.Contains($"\"{option}\"", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(int.MinValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(int.MaxValue)]
    public async Task Whole_numbers_without_a_range_may_be_anything(int number)
    {
        var answer = await _bed.Generate(new GenerateRequest
        {
            Model = "mini",
            Prompt = "Hello!",
            Options = new() { TopK = number, Seed = number, NumKeep = number, NumCtx = Math.Max(number, 1), RepeatLastN = Math.Max(number, -1), Stop = ["."] },
        });
        Assert.NotNull(answer.End);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(21)]
    [InlineData(int.MaxValue)]
    public async Task Alternatives_are_at_most_20(int count)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() =>
            _bed.Chat(EngineBed.Question("Hello!") with { Logprobs = true, TopLogprobs = count }));
        Assert.Contains("top_logprobs", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1024)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public async Task A_context_of_tokens_that_the_model_does_not_have_is_refused(int token)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() =>
            _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "x", Context = [1, token, 2] }));
        Assert.Contains($"{token}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_token_of_the_vocabulary_may_be_in_a_context()
    {
        var answer = await _bed.Generate(new GenerateRequest
        {
            Model = "mini",
            Prompt = "Hello!",
            Context = [.. Enumerable.Range(0, 1024)],
            Options = new() { NumPredict = 5, RepeatLastN = -1, NumKeep = 500 },
        });
        Assert.True(answer.Result.TruncatedTokens > 0);
    }

    [Fact]
    public async Task A_message_with_U0000_is_refused_where_the_template_cannot_carry_it()
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => _bed.Ask("Hel\0lo!"));
        Assert.Contains("U+0000", error.Message, StringComparison.Ordinal);
        Assert.NotNull((await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Hel\0lo!", Raw = true, Options = new() { NumPredict = 3 } })).End);
    }

    [Fact]
    public async Task Half_a_surrogate_pair_is_taken_as_an_unknown_character()
    {
        Assert.NotNull((await _bed.Ask("Hello \uD83D!")).End);
        Assert.NotNull((await _bed.Ask("Hello!", new() { Stop = ["\uDE00", "\uD83D"] })).End);
    }

    [Fact]
    public async Task An_unknown_model_is_not_found_and_the_nearest_name_is_told()
    {
        var error = await Assert.ThrowsAsync<ModelNotFoundException>(() => _bed.Chat(EngineBed.Question("Hello!", model: "minni")));
        Assert.Contains("mini:latest", error.Suggestions);
        await Assert.ThrowsAsync<ModelNotFoundException>(() => _bed.Engine.EmbedAsync(new EmbedRequest { Model = "minni", Inputs = [] }, EngineBed.Token));
        await Assert.ThrowsAsync<ModelNotFoundException>(() => _bed.Engine.UnloadAsync("minni", EngineBed.Token));
    }

    [Fact]
    public async Task What_the_model_cannot_do_is_named()
    {
        using var tools = JsonDocument.Parse("""[{"type":"function","function":{"name":"f"}}]""");
        foreach (var (request, capability) in new (ChatRequest, string)[]
        {
            (EngineBed.Question("Hello!") with { Tools = tools.RootElement }, "tools"),
            (EngineBed.Question("Hello!") with { Think = "true" }, "thinking"),
            (EngineBed.Question("Hello!") with { Messages = [new ChatMessage { Role = "user", Images = [new byte[] { 1 }] }] }, "vision"),
        })
        {
            var error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => _bed.Chat(request));
            Assert.Equal(capability, error.Capability);
        }

        var suffix = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() =>
            _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "a", Suffix = "b" }));
        Assert.Equal("insert", suffix.Capability);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("\"x\"")]
    [InlineData("null")]
    [InlineData("3")]
    public async Task Tools_that_are_no_array_are_refused_or_none(string json)
    {
        using var tools = JsonDocument.Parse(json);
        var request = EngineBed.Question("Hello!") with { Tools = tools.RootElement };
        if (json == "null")
            Assert.NotNull((await _bed.Chat(request)).End);
        else
            await Assert.ThrowsAsync<InvalidRequestException>(() => _bed.Chat(request));
    }

    [Fact]
    public async Task An_empty_raw_prompt_is_refused() =>
        await Assert.ThrowsAsync<InvalidRequestException>(() => _bed.Generate(new GenerateRequest { Model = "mini", Raw = true }));

    [Theory]
    [InlineData("{{ .Prompt")]
    [InlineData("{{ nosuch }}")]
    public async Task A_template_that_cannot_be_parsed_is_refused(string template) =>
        await Assert.ThrowsAsync<InvalidTemplateException>(() =>
            _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "x", Template = template }));
}
