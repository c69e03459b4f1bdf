using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Answers in a prescribed shape.</summary>
[Collection(EngineCollection.Name)]
public sealed class FormatTests(SharedEngine shared)
{
    private readonly EngineBed _bed = shared.Bed;

    private static OutputFormat Schema(object schema) => OutputFormat.FromSchema(JsonSerializer.SerializeToElement(schema));

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    [InlineData(2f)]
    public async Task Any_JSON_is_valid_JSON(float temperature)
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            var answer = await _bed.Chat(EngineBed.Question("Describe a fox as JSON.", new() { Temperature = temperature, Seed = seed, NumPredict = 400 }) with { Format = OutputFormat.Json });
            if (answer.Result.Reason == FinishReason.Stop)
                using (JsonDocument.Parse(answer.Text)) { }
            else
                Assert.Equal(400, answer.Result.CompletionTokens);
        }
    }

    [Fact]
    public async Task An_answer_has_the_shape_of_its_schema()
    {
        var format = Schema(new
        {
            type = "object",
            properties = new { name = new { type = "string", maxLength = 12 }, age = new { type = "integer" }, wild = new { type = "boolean" } },
            required = new[] { "name", "age", "wild" },
        });
        for (var seed = 1; seed <= 5; seed++)
        {
            var answer = await _bed.Chat(EngineBed.Question("Describe a fox as JSON.", new() { Temperature = 1, Seed = seed }) with { Format = format });
            Assert.Equal(FinishReason.Stop, answer.Result.Reason);
            var json = JsonNode.Parse(answer.Text)!.AsObject();
            Assert.Equal(["name", "age", "wild"], json.Select(p => p.Key));
            Assert.Equal(JsonValueKind.String, json["name"]!.GetValueKind());
            Assert.Equal(JsonValueKind.Number, json["age"]!.GetValueKind());
            Assert.True(json["wild"]!.GetValueKind() is JsonValueKind.True or JsonValueKind.False);
        }
    }

    [Theory]
    [InlineData("🦊🐻🦉 日本語 äöü \u2028 é")]
    [InlineData("a\"b\\c/\n\t")]
    [InlineData("")]
    public async Task Characters_of_many_bytes_come_whole(string text)
    {
        var answer = await _bed.Chat(EngineBed.Question("Say it.", new() { Temperature = 0, NumPredict = 300 }) with
        {
            Format = OutputFormat.FromSchema(new JsonObject { ["const"] = text }.Deserialize<JsonElement>()),
            Logprobs = true,
        });
        Assert.Equal(FinishReason.Stop, answer.Result.Reason);
        Assert.Equal(text, JsonSerializer.Deserialize<string>(answer.Text));
        Assert.DoesNotContain('\uFFFD', answer.Text);
        Assert.Equal(answer.Text, System.Text.Encoding.UTF8.GetString([.. answer.Logprobs.SelectMany(t => t.Bytes.ToArray())]));
    }

    [Fact]
    public async Task A_limit_inside_a_character_shows_the_unknown_character_and_not_half_of_it()
    {
        var format = OutputFormat.FromSchema(new JsonObject { ["const"] = "🦊🐻🦉🦊🐻🦉" }.Deserialize<JsonElement>());
        for (var most = 2; most < 10; most++)
        {
            var answer = await _bed.Chat(EngineBed.Question("Say it.", new() { Temperature = 0, NumPredict = most }) with { Format = format });
            Assert.Equal(FinishReason.Length, answer.Result.Reason);
            Assert.Matches("^\"?(🦊|🐻|🦉)*\uFFFD*$", answer.Text);
        }
    }

    [Fact]
    public async Task A_stop_text_ends_a_shaped_answer_too()
    {
        var format = OutputFormat.FromSchema(new JsonObject { ["const"] = "one two three" }.Deserialize<JsonElement>());
        var answer = await _bed.Chat(EngineBed.Question("Say it.", new() { Temperature = 0, Stop = ["o thr"] }) with { Format = format });
        Assert.Equal("\"one tw", answer.Text);
    }

    [Theory]
    [InlineData("""{"type":"nonsense"}""")]
    [InlineData("""{"$ref":"#/nowhere"}""")]
    [InlineData("""{"type":"string","pattern":"("}""")]
    [InlineData("17")]
    public async Task A_schema_that_cannot_be_compiled_is_refused(string schema)
    {
        using var json = JsonDocument.Parse(schema);
        await Assert.ThrowsAsync<InvalidFormatException>(() =>
            _bed.Chat(EngineBed.Question("Hello!") with { Format = OutputFormat.FromSchema(json.RootElement) }));
    }

    [Fact]
    public async Task Shaped_and_free_answers_run_side_by_side()
    {
        var free = (await _bed.Chat(EngineBed.Question("Who are you?") with { Alone = true })).Text;
        var tasks = new List<Task<Answer>>();
        for (var i = 0; i < 12; i++)
        {
            var question = EngineBed.Question("Who are you?") with { Alone = i % 4 == 0 };
            tasks.Add(_bed.Chat(i % 2 == 0 ? question : question with { Format = OutputFormat.FromSchema(new JsonObject { ["const"] = $"answer {i}" }.Deserialize<JsonElement>()) }));
        }

        var answers = await Task.WhenAll(tasks);
        for (var i = 0; i < answers.Length; i++)
            Assert.Equal(i % 2 == 0 ? free : $"\"answer {i}\"", answers[i].Text);
    }
}
