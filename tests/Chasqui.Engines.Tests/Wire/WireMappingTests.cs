using System.Text.Json;
using Chasqui.Engines.Tests.LlamaCpp;
using Chasqui.Engines.Wire;
using CsCheck;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Tests.Wire;

/// <summary>What an engine is asked, and answers, is the same after it has crossed the wire as bytes.</summary>
[Collection(EngineCollection.Name)]
public sealed class WireMappingTests
{
    private static readonly Gen<int?> _int = Gen.Int.Nullable();
    private static readonly Gen<float?> _float = Gen.Float[-100, 100].Nullable();
    private static readonly Gen<string?> _text = Gen.String[Gen.Char.AlphaNumeric, 0, 12].Null();
    private static readonly Gen<TimeSpan?> _time = Gen.Int.Select(i => TimeSpan.FromMilliseconds(i)).Nullable();

    private static readonly Gen<GenerationOptions> _options =
        from ints in Gen.Select(_int, _int, _int, _int)
        from more in Gen.Select(_int, _int, _int, _int)
        from floats in Gen.Select(_float, _float, _float, _float)
        from penalties in Gen.Select(_float, _float, _float)
        from stop in Gen.String[Gen.Char.AlphaNumeric, 1, 4].List[0, 3].Null()
        select new GenerationOptions
        {
            NumCtx = ints.Item1,
            NumBatch = ints.Item2,
            NumThread = ints.Item3,
            NumKeep = ints.Item4,
            NumPredict = more.Item1,
            TopK = more.Item2,
            RepeatLastN = more.Item3,
            Seed = more.Item4,
            Temperature = floats.Item1,
            TopP = floats.Item2,
            MinP = floats.Item3,
            TypicalP = floats.Item4,
            RepeatPenalty = penalties.Item1,
            PresencePenalty = penalties.Item2,
            FrequencyPenalty = penalties.Item3,
            Stop = stop,
        };

    [Fact]
    public void A_generation() => Gen.Select(_options, _text, _text, _time, Gen.Bool, Gen.Bool, Gen.Int.Array[0, 3].Null()).Sample((options, a, b, time, x, y, context) =>
    {
        var request = new GenerateRequest
        {
            Model = "mini",
            Prompt = a ?? "",
            Suffix = b,
            System = a,
            Template = b,
            Raw = x,
            Context = context,
            Options = options,
            Format = x ? OutputFormat.Json : y ? OutputFormat.FromSchema(JsonDocument.Parse("{\"type\":\"object\"}").RootElement) : null,
            Think = b,
            KeepAlive = time,
            Logprobs = y,
            TopLogprobs = 3,
            Truncate = x,
            Shift = y,
            Alone = x,
            RenderOnly = y,
            Images = [new byte[] { 1, 2 }],
            PrefixScope = a,
        };
        var back = WireRequests.FromWire(Messages.GenerateRequest.Parser.ParseFrom(WireRequests.ToWire(request).ToByteArray()));
        return Show(request) == Show(back);
    });

    [Fact]
    public void A_chat() => Gen.Select(_options, _text, _time, Gen.Bool).Sample((options, text, time, x) =>
    {
        var calls = JsonDocument.Parse("[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]").RootElement;
        var request = new ChatRequest
        {
            Model = "mini",
            Options = options,
            KeepAlive = time,
            Tools = x ? calls : null,
            PrefixScope = text,
            ToolChoice = x ? new ToolChoice { Required = text is null, Name = text, Single = time is null } : null,
            Messages = [new ChatMessage { Role = "user", Content = text ?? "", Thinking = text, ToolName = text, ToolCallId = text, ToolCalls = x ? null : calls, Images = [new byte[] { 7 }] }],
        };
        var back = WireRequests.FromWire(Messages.ChatRequest.Parser.ParseFrom(WireRequests.ToWire(request).ToByteArray()));
        return Show(request) == Show(back);
    });

    [Fact]
    public void Texts_to_embed() => Gen.Select(_options, _int, _time, Gen.Bool, Gen.Bool).Sample((options, dimensions, time, x, y) =>
    {
        var request = new EmbedRequest { Model = "mini", Inputs = ["a", ""], Options = options, Dimensions = dimensions, KeepAlive = time, Truncate = x, Normalize = y };
        var back = WireRequests.FromWire(Messages.EmbedRequest.Parser.ParseFrom(WireRequests.ToWire(request).ToByteArray()));
        return Show(request) == Show(back);
    });

    [Fact]
    public void A_part_of_an_answer() => Gen.Select(_text, Gen.Bool, Gen.Bool, Gen.Int[0, 100_000], Gen.Int.Array[0, 4].Null()).Sample((text, x, y, n, context) =>
    {
        var update = new GenerationUpdate
        {
            Text = text ?? "",
            Thinking = text ?? "",
            RenderedPrompt = text,
            PromptTokens = y ? n : 0,
            Logprobs = x ? [new TokenLogprob("a", new byte[] { 97 }, -0.5f, [new TokenLogprob("b", new byte[] { 98 }, -1.5f, [])])] : null,
            Result = y ? null : new GenerationResult
            {
                Reason = x ? FinishReason.Length : FinishReason.Stop,
                PromptTokens = n,
                CachedPromptTokens = n,
                ReasoningTokens = n,
                CompletionTokens = n,
                TruncatedTokens = n,
                TotalDuration = TimeSpan.FromTicks(n),
                LoadDuration = TimeSpan.FromTicks(n),
                PromptDuration = TimeSpan.FromTicks(n),
                CompletionDuration = TimeSpan.FromTicks(n),
                Context = context,
            },
        };
        var back = WireUpdates.FromWire(Messages.GenerationUpdate.Parser.ParseFrom(WireUpdates.ToWire(update).ToByteArray()));
        return Show(update) == Show(back);
    });

    [Fact]
    public async Task The_shipped_model()
    {
        await using var bed = new EngineBed(EngineBed.Settings);
        var description = await bed.Engine.ShowAsync("mini", EngineBed.Token);

        var back = WireModels.FromWire(Messages.ModelDescription.Parser.ParseFrom(WireModels.ToWire(description).ToByteArray()));

        Assert.Equal(Show(description with { Path = "" }), Show(back));
    }

    [Fact]
    public void A_format_that_is_no_JSON_is_refused_by_name()
    {
        var wire = new Messages.GenerateRequest { Model = "mini", Common = new Messages.GenerationCommon { Format = "{" } };
        Assert.Contains("format", Assert.Throws<InvalidRequestException>(() => WireRequests.FromWire(wire)).Message, StringComparison.Ordinal);
    }

    private static string Show<T>(T value) => JsonSerializer.Serialize(value);

    [Fact]
    public void Token_ids_of_vectors_come_across_and_stand_for_the_texts()
    {
        var wire = WireRequests.ToWire(new EmbedRequest { Model = "mini", Inputs = [], TokenInputs = [[1, 2], []] });

        var back = WireRequests.FromWire(Messages.EmbedRequest.Parser.ParseFrom(wire.ToByteArray()));
        Assert.Equal<IEnumerable<int>>([[1, 2], []], back.TokenInputs);
        Assert.Empty(back.Inputs);
        wire.Inputs.Add("a");
        Assert.Equal("inputs and token_inputs are both there; send them in two requests", Assert.Throws<InvalidRequestException>(() => WireRequests.FromWire(wire)).Message);
    }
}
