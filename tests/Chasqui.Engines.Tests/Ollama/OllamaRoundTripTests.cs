using System.Text.Json;
using Chasqui.Engines.Ollama;
using CsCheck;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>What a node of Ollama's kind is asked arrives as it was meant, and what it answers comes back so: over real HTTP, read and written by a real gateway.</summary>
public sealed class OllamaRoundTripTests : IAsyncLifetime
{
    private static readonly Gen<string> _text = Gen.String[Gen.Char["abc ß€<>&\"\\/{}\n\t\u2028"], 1, 20];
    private static readonly Gen<float?> _part = Gen.Float[0, 1].Nullable();

    private static readonly Gen<GenerationOptions> _options =
        from ints in Gen.Select(Gen.Int[4, 4096].Nullable(), Gen.Int[1, 8192].Nullable(), Gen.Int[0, 512].Nullable(), Gen.Int[-1, 100].Nullable())
        from more in Gen.Select(Gen.Int[-2, 4096].Nullable(), Gen.Int[-1, 100].Nullable(), Gen.Int[-1, 1000].Nullable(), Gen.Int.Nullable())
        from parts in Gen.Select(_part, _part, _part)
        from others in Gen.Select(Gen.Float[0, 100].Nullable(), Gen.Float[0.01f, 100].Nullable(), Gen.Float[-100, 100].Nullable(), Gen.Float[-100, 100].Nullable())
        from stop in _text.List[1, 3].Null()
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
            TopP = parts.Item1,
            MinP = parts.Item2,
            TypicalP = parts.Item3,
            Temperature = others.Item1,
            RepeatPenalty = others.Item2,
            PresencePenalty = others.Item3,
            FrequencyPenalty = others.Item4,
            Stop = stop,
        };

    private static readonly Gen<TimeSpan?> _keepAlive = Gen.OneOf(
        Gen.Const((TimeSpan?)null), Gen.Const((TimeSpan?)Timeout.InfiniteTimeSpan), Gen.Long[1, 1L << 46].Select(t => (TimeSpan?)TimeSpan.FromTicks(t)), Gen.Int[0, 10_000].Select(s => (TimeSpan?)TimeSpan.FromSeconds(s)));

    private static readonly Gen<OutputFormat?> _format = OneOf<OutputFormat?>(
        null, OutputFormat.Json, OutputFormat.FromSchema(JsonElement.Parse("{\"type\":\"object\",\"properties\":{\"ß\":{\"type\":\"string\"}}}")));

    private static readonly Gen<string?> _think = OneOf<string?>(null, "true", "false", "low", "medium", "high", "max");

    private static readonly Gen<IReadOnlyList<ReadOnlyMemory<byte>>> _images = Gen.Byte.Array[1, 5].List[0, 2].Select(list => (IReadOnlyList<ReadOnlyMemory<byte>>)[.. list.Select(bytes => new ReadOnlyMemory<byte>(bytes))]);

    private readonly RecordingEngine _engine = new();
    private TestGateway _gateway = null!;
    private OllamaNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(_engine);
        _node = Nodes.Ollama(_gateway.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public Task A_generation() =>
        (from texts in Gen.Select(_text, _text.Null(), _text.Null(), _text.Null())
         from common in Gen.Select(_options, _keepAlive, _format, _think)
         from flags in Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Bool)
         from images in _images
         from context in Gen.Int[0, 100_000].List[1, 4].Null()
         select new GenerateRequest
         {
             Model = "mini",
             Prompt = texts.Item1,
             Suffix = flags.Item4 ? null : texts.Item2,
             System = flags.Item4 ? null : texts.Item3,
             Template = flags.Item4 ? null : texts.Item4,
             Raw = flags.Item4,
             Context = flags.Item4 ? null : context,
             Images = images,
             Options = common.Item1,
             KeepAlive = common.Item2,
             Format = common.Item3,
             Think = common.Item4,
             Truncate = flags.Item1,
             Shift = flags.Item2,
             Logprobs = flags.Item3,
             TopLogprobs = flags.Item3 ? 3 : 0,
         }).SampleAsync(async request =>
        {
            await Nodes.AllAsync(_node.Engine.GenerateAsync(request, Nodes.Token));
            // The gateway asks for the tokens, so that another engine could go on with the answer.
            Assert.Equal(Show(request with { WithTokens = true }), Show((GenerateRequest)_engine.Asked!));
        }, iter: 150, threads: 1);

    [Fact]
    public Task A_chat() =>
        Gen.Select(_options, _keepAlive, _text, _text.Null(), _images, Gen.Bool).SampleAsync(async (options, keepAlive, text, other, images, withTools) =>
        {
            var calls = JsonElement.Parse("[{\"id\":\"call_1\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"a\":[1,null,\"ß\"]}}}]");
            var request = new ChatRequest
            {
                Model = "mini",
                Options = options,
                KeepAlive = keepAlive,
                Tools = withTools ? JsonElement.Parse("[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]") : null,
                Messages =
                [
                    new ChatMessage { Role = "user", Content = text, Images = images },
                    new ChatMessage { Role = "assistant", Content = "", Thinking = other, ToolCalls = calls },
                    new ChatMessage { Role = "tool", Content = text, ToolName = "f", ToolCallId = withTools ? "call_1" : null },
                ],
            };
            await Nodes.AllAsync(_node.Engine.ChatAsync(request, Nodes.Token));
            Assert.Equal(Show(request with { WithTokens = true }), Show((ChatRequest)_engine.Asked!));
        }, iter: 100, threads: 1);

    [Fact]
    public Task Texts_to_embed_and_their_vectors() =>
        Gen.Select(_options, _text.List[1, 4], Gen.Int[1, 99].Nullable(), Gen.Bool, Gen.Float[-1, 1].Array[1, 5]).SampleAsync(async (options, texts, dimensions, truncate, vector) =>
        {
            _engine.Vectors = new EmbedResult { Vectors = [.. texts.Select(_ => vector)], PromptTokens = 7, TotalDuration = TimeSpan.FromTicks(12345), LoadDuration = TimeSpan.FromTicks(99) };
            var request = new EmbedRequest { Model = "mini", Inputs = texts, Options = options, Dimensions = dimensions, Truncate = truncate };
            var result = await _node.Engine.EmbedAsync(request, Nodes.Token);
            Assert.Equal(Show(request), Show(_engine.AskedVectors!));
            Assert.Equal(Show(_engine.Vectors), Show(result));
        }, iter: 100, threads: 1);

    [Fact]
    public Task An_answer() =>
        Gen.Select(_text, _text, Gen.Float[-20, 0], Gen.Int[1, 100_000], Gen.Bool, Gen.Int[0, 9].List[1, 4].Null()).SampleAsync(async (text, thinking, number, count, isLong, context) =>
        {
            var calls = JsonElement.Parse("[{\"id\":\"call_1\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"a\":\"ß\"}}}]");
            GenerationUpdate[] updates =
            [
                new() { Thinking = thinking },
                new() { Text = text, Logprobs = [new TokenLogprob(text, new byte[] { 1, 255 }, number, [new TokenLogprob("x", new byte[] { 120 }, number, [])])] },
                new() { ToolCalls = calls },
                new()
                {
                    Result = new GenerationResult
                    {
                        Reason = isLong ? FinishReason.Length : FinishReason.Stop,
                        PromptTokens = count,
                        CompletionTokens = count + 1,
                        TotalDuration = TimeSpan.FromTicks(count),
                        LoadDuration = TimeSpan.FromTicks(count + 1),
                        PromptDuration = TimeSpan.FromTicks(count + 2),
                        CompletionDuration = TimeSpan.FromTicks(count + 3),
                    },
                },
            ];
            _engine.Updates = updates;
            var chat = await Nodes.AllAsync(_node.Engine.ChatAsync(new ChatRequest { Model = "mini", Messages = [new ChatMessage { Role = "user", Content = "?" }] }, Nodes.Token));
            Assert.Equal(updates.Select(Show), chat.Select(Show));

            _engine.Updates = updates = [updates[0], updates[1], updates[3] with { Result = updates[3].Result! with { Context = context } }];
            var generated = await Nodes.AllAsync(_node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
            Assert.Equal(updates.Select(Show), generated.Select(Show));
        }, iter: 100, threads: 1);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static string Show<T>(T value) => JsonSerializer.Serialize(value);
}
