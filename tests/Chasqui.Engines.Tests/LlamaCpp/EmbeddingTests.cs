namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Vectors: the same for a text, whatever else is computed with it.</summary>
[Collection(EngineCollection.Name)]
public sealed class EmbeddingTests(SharedEngine shared)
{
    // Rows are rounded to eight bits before they are multiplied, and how depends a little on the batch.
    private const float Tolerance = 2e-3f;

    private readonly EngineBed _bed = shared.Bed;

    private static string Text(int i) => string.Concat(Enumerable.Repeat($"The fox number {i} met a bear in the forest. ", i == 51 ? 60 : 1 + (i * 7 % 20)));

    private static EmbedRequest Request(params string[] inputs) => new() { Model = "mini", Inputs = inputs };

    private static Task<EmbedResult> Embed(EngineBed bed, EmbedRequest request) =>
        bed.Engine.EmbedAsync(request, EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token);

    private static void AssertAlike(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], Tolerance);
    }

    private static double Length(float[] vector) => Math.Sqrt(vector.Sum(x => (double)x * x));

    [Fact]
    public async Task A_text_has_the_same_vector_for_any_batch_size_and_in_any_company()
    {
        // One is longer than the larger batch, most are longer than the smaller one.
        var texts = Enumerable.Range(0, 100).Select(Text).ToArray();
        var settings = EngineBed.Settings with { Slots = 2 };
        var all = new List<EmbedResult>();
        foreach (var batch in new[] { 32, 512 })
        {
            await using var bed = new EngineBed(settings with { BatchTokens = batch });
            all.Add(await Embed(bed, Request(texts)));
            foreach (var i in new[] { 0, 1, 17, 51 })
                AssertAlike(all[^1].Vectors[i], (await Embed(bed, Request(texts[i]))).Vectors[0]);
        }

        Assert.Equal(all[0].PromptTokens, all[1].PromptTokens);
        TestContext.Current.SendDiagnosticMessage("batches of 32 and 512: components differ by at most {0:0.00000}, cosines are at least {1:0.000000}",
            all[0].Vectors.Zip(all[1].Vectors, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max(),
            all[0].Vectors.Zip(all[1].Vectors, (a, b) => a.Zip(b, (x, y) => (double)x * y).Sum()).Min());
        for (var i = 0; i < texts.Length; i++)
            AssertAlike(all[0].Vectors[i], all[1].Vectors[i]);
    }

    [Fact]
    public async Task Token_ids_have_the_vector_of_their_text()
    {
        var texts = new[] { Text(1), Text(2) };
        var tokens = new List<IReadOnlyList<int>>();
        foreach (var text in texts)
            tokens.Add(await _bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = text, AddSpecial = true, ParseSpecial = true }, EngineBed.Token));

        var byText = await Embed(_bed, Request(texts));
        var byTokens = await Embed(_bed, Request() with { TokenInputs = tokens });

        Assert.Equal(byText.PromptTokens, byTokens.PromptTokens);
        for (var i = 0; i < texts.Length; i++)
            AssertAlike(byText.Vectors[i], byTokens.Vectors[i]);
    }

    [Theory]
    [InlineData(-1, "an input holds the token -1, but this model's tokens are 0 to 1023")]
    [InlineData(1024, "an input holds the token 1024, but this model's tokens are 0 to 1023")]
    [InlineData(null, "an input is empty; every input must hold at least one token")]
    public async Task Token_ids_that_the_model_does_not_have_never_reach_the_library(int? token, string message)
    {
        int[] tokens = token is { } id ? [5, id] : [];

        Assert.Equal(message, (await Assert.ThrowsAsync<InvalidRequestException>(() => Embed(_bed, Request() with { TokenInputs = [tokens] }))).Message);
    }

    [Fact]
    public async Task Too_many_token_ids_are_cut_or_refused()
    {
        int[] tokens = [.. Enumerable.Repeat(7, 3000)];

        Assert.Equal(1024, (await Embed(_bed, Request() with { TokenInputs = [tokens] })).PromptTokens);
        await Assert.ThrowsAsync<ContextLengthExceededException>(() => Embed(_bed, Request() with { TokenInputs = [tokens], Truncate = false }));
    }

    [Fact]
    public async Task The_vectors_come_in_the_order_of_the_texts()
    {
        var texts = Enumerable.Range(0, 30).Select(i => Text(i % 10)).ToArray();
        var vectors = (await Embed(_bed, Request(texts))).Vectors;
        Assert.Equal(30, vectors.Count);
        for (var i = 10; i < 30; i++)
            AssertAlike(vectors[i % 10], vectors[i]);
        for (var i = 1; i < 10; i++)
            Assert.True(vectors[0].Zip(vectors[i]).Any(p => Math.Abs(p.First - p.Second) > 5 * Tolerance), $"text {i} has the vector of text 0");
    }

    [Fact]
    public async Task A_vector_has_length_1_unless_that_is_not_wanted_and_as_many_components_as_asked()
    {
        var whole = (await Embed(_bed, Request("The fox met a bear."))).Vectors[0];
        Assert.Equal(128, whole.Length);
        Assert.Equal(1, Length(whole), 1e-5);
        var raw = (await Embed(_bed, Request("The fox met a bear.") with { Normalize = false })).Vectors[0];
        Assert.NotEqual(1, Length(raw), 1e-2);
        AssertAlike(whole, [.. raw.Select(x => (float)(x / Length(raw)))]);

        foreach (var dimensions in new[] { 1, 16, 127 })
        {
            var cut = (await Embed(_bed, Request("The fox met a bear.") with { Dimensions = dimensions })).Vectors[0];
            Assert.Equal(dimensions, cut.Length);
            Assert.Equal(1, Length(cut), 1e-5);
        }

        foreach (var all in new int?[] { null, 0, 128, 100_000 })
            Assert.Equal(128, (await Embed(_bed, Request("The fox met a bear.") with { Dimensions = all })).Vectors[0].Length);
        await Assert.ThrowsAsync<InvalidRequestException>(() => Embed(_bed, Request("x") with { Dimensions = -1 }));
    }

    [Fact]
    public async Task A_text_longer_than_the_context_is_cut_or_refused()
    {
        var text = string.Concat(Enumerable.Repeat(" the", 2000));
        var cut = await Embed(_bed, Request("short", text));
        Assert.Equal(2, cut.Vectors.Count);
        Assert.Equal(1, Length(cut.Vectors[1]), 1e-5);
        var refused = await Assert.ThrowsAsync<ContextLengthExceededException>(() => Embed(_bed, Request("short", text) with { Truncate = false }));
        Assert.Equal(1024, refused.ContextLength);
        var smaller = await Embed(_bed, Request(text) with { Options = new() { NumCtx = 16 } });
        Assert.Equal(16, smaller.PromptTokens);
        AssertAlike((await Embed(_bed, Request(string.Concat(Enumerable.Repeat(" the", 16))))).Vectors[0], smaller.Vectors[0]);
    }

    [Fact]
    public async Task A_cut_text_has_the_vector_of_its_beginning()
    {
        var words = string.Concat(Enumerable.Repeat(" the", 16));
        var cut = await Embed(_bed, Request(words + " fox met a bear") with { Options = new() { NumCtx = 16 } });
        AssertAlike((await Embed(_bed, Request(words))).Vectors[0], cut.Vectors[0]);
    }

    [Fact]
    public async Task An_empty_text_is_refused_and_no_texts_are_no_vectors()
    {
        await Assert.ThrowsAsync<InvalidRequestException>(() => Embed(_bed, Request("x", "")));
        var none = await Embed(_bed, Request());
        Assert.Empty(none.Vectors);
        Assert.Equal(0, none.PromptTokens);
        Assert.Single((await Embed(_bed, Request("x\0y"))).Vectors);
    }

    [Fact]
    public async Task Vectors_and_answers_are_made_side_by_side()
    {
        var expected = (await Embed(_bed, Request(Text(7)))).Vectors[0];
        var answer = (await _bed.Chat(EngineBed.Question("Who are you?") with { Alone = true })).Text;
        var answers = Enumerable.Range(0, 16).Select(_ => _bed.Chat(EngineBed.Question("Who are you?") with { Alone = true })).ToArray();
        var vectors = Enumerable.Range(0, 40).Select(i => Embed(_bed, Request(Text(i), Text(7)))).ToArray();
        foreach (var result in await Task.WhenAll(vectors))
            AssertAlike(expected, result.Vectors[1]);
        Assert.All(await Task.WhenAll(answers), a => Assert.Equal(answer, a.Text));
        await _bed.UntilIdle();
    }

    [Fact]
    public async Task Those_who_leave_take_nobody_with_them()
    {
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        var expected = (await Embed(_bed, Request(Text(3)))).Vectors[0];
        for (var round = 0; round < 5; round++)
        {
            using var leave = new CancellationTokenSource();
            var leavers = Enumerable.Range(0, 20).Select(i => _bed.Engine.EmbedAsync(Request([.. Enumerable.Range(0, 20).Select(Text)]), leave.Token)).ToArray();
            var stayers = Enumerable.Range(0, 5).Select(_ => Embed(_bed, Request(Text(3), Text(4)))).ToArray();
            Thread.SpinWait(random.Next(0, 1_000_000));
            await leave.CancelAsync();
            foreach (var leaver in leavers)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaver.WaitAsync(EngineBed.Patience, EngineBed.Token));
            foreach (var result in await Task.WhenAll(stayers))
                AssertAlike(expected, result.Vectors[0]);
        }
    }
}
