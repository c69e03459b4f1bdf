using System.Text;
using System.Text.Json;
using Chasqui.Engines.Grammars;
using CsCheck;

namespace Chasqui.Engines.Tests.Grammars;

/// <summary>Grammars that are followed character by character: what they take, and what a character may cost.</summary>
public sealed class GrammarMatcherTests
{
    public static TheoryData<string, string> Ambiguous { get; } = new()
    {
        // The same few characters, in so many ways that to follow each by itself has no end.
        { $$"""{"pattern":"^({{string.Join('|', Enumerable.Repeat("aa", 4_000))}})*$"}""", "a" },
        { $$"""{"pattern":"^({{string.Join('|', Enumerable.Range(0, 1_000).Select(i => $"a{i}"))}})*$"}""", "a1" },
        { """{"pattern":"^(((a{0,9}){0,9}){0,9}){0,9}$"}""", "a" },
        { """{"pattern":"^((a{0,1000}){0,1000}){0,1000}$"}""", "a" },
        { """{"pattern":"^(( {0,9}){0,9})*x$"}""", " " },
        { $$"""{"pattern":"^{{string.Concat(Enumerable.Repeat("a?", 1_000))}}$"}""", "a" },
        { Nested(40), "[" },
    };

    [Fact]
    public void It_takes_what_the_grammars_text_takes() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var sample = SampleSchema.Random(random);
        using var schema = JsonDocument.Parse(sample.Schema.ToJsonString());
        var recognizer = GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(schema.RootElement));
        var graph = JsonSchemaGrammar.CompileGraph(schema.RootElement);
        for (var i = 0; i < 10; i++)
        {
            var text = new StringBuilder(sample.Document(random));
            for (var change = random.Next(3); change > 0; change--)
                text[random.Next(text.Length)] = "a1-\",:{}[] x"[random.Next(12)];
            Assert.Equal(recognizer.Accepts(text.ToString()), Accepts(graph, text.ToString()));
        }
    }, iter: 300);

    [Fact]
    public void It_takes_what_a_pattern_takes() => Gen.Select(Gen.String[Gen.Char["ab|()*+?.{}12,[]^"], 0, 12], Gen.String[Gen.Char["ab1\\\""], 0, 8]).Sample((pattern, text) =>
    {
        using var schema = JsonDocument.Parse(JsonSerializer.Serialize(new { type = "string", pattern = $"^{pattern}$" }));
        GrammarGraph graph;
        try
        {
            graph = JsonSchemaGrammar.CompileGraph(schema.RootElement);
        }
        catch (InvalidFormatException)
        {
            return;
        }
        var json = JsonSerializer.Serialize(text);
        Assert.Equal(GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(schema.RootElement)).Accepts(json), Accepts(graph, json));
    }, iter: 3_000);

    [Theory]
    [MemberData(nameof(Ambiguous))]
    public void A_character_costs_a_bounded_number_of_steps_however_ambiguous_the_format_is(string schema, string piece)
    {
        using var document = JsonDocument.Parse(schema);
        var matcher = new GrammarMatcher();
        GrammarState? state;
        try
        {
            state = matcher.Start(JsonSchemaGrammar.CompileGraph(document.RootElement));
        }
        catch (InvalidFormatException)
        {
            return;
        }
        try
        {
            if (piece != "[")
                state = matcher.Next(state, '"');
            for (var i = 0; state is not null && i < 2_000; i++)
            {
                state = matcher.Begin(state);
                state = matcher.Next(state, piece[i % piece.Length]);
                Assert.InRange(matcher.Steps, 0, 1_000_000);
                Assert.InRange(state?.Heads.Length ?? 0, 0, GrammarMatcher.MostPlaces);
            }
        }
        catch (InvalidFormatException e)
        {
            Assert.Contains("too ambiguous", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Thousands_of_values_are_a_few_ways_to_go_on()
    {
        var values = Enumerable.Range(0, 4_998).Select(i => $"value {i}").Append("").Append("value").ToArray();
        var graph = JsonSchemaGrammar.CompileGraph(JsonSerializer.SerializeToElement(new { @enum = values }));
        var matcher = new GrammarMatcher();
        var state = matcher.Start(graph);
        foreach (var rune in "\"value 12".EnumerateRunes())
        {
            state = matcher.Next(state, rune.Value)!;
            Assert.InRange(state.Heads.Length, 1, 12);
        }
        Assert.All(values, value => Assert.True(Accepts(graph, JsonSerializer.Serialize(value))));
        Assert.False(Accepts(graph, "\"value 4998\"") || Accepts(graph, "\"value \"") || Accepts(graph, "\"val\""));
    }

    [Fact]
    public void What_is_remembered_has_a_bound()
    {
        using var schema = JsonDocument.Parse("""{"type":"string","minLength":100000}""");
        var matcher = new GrammarMatcher();
        var state = matcher.Next(matcher.Start(JsonSchemaGrammar.CompileGraph(schema.RootElement)), '"')!;
        for (var i = 0; i < 100_000; i++)
        {
            Assert.Null(matcher.Next(state, '"'));
            state = matcher.Next(matcher.Begin(state), 'a' + (i % 26))!;
            Assert.InRange(matcher.Remembered, 0, 31_000);
        }
        Assert.NotNull(matcher.Next(state, '"'));
    }

    private static string Nested(int ways)
    {
        var arrays = Enumerable.Range(0, ways).Select(i => $$"""{"type":"array","items":{"$ref":"#"},"minItems":{{i}}}""");
        return $$"""{"anyOf":[{{string.Join(',', arrays)}}]}""";
    }

    private static bool Accepts(GrammarGraph graph, string text)
    {
        var matcher = new GrammarMatcher();
        GrammarState? state = matcher.Start(graph);
        foreach (var rune in text.EnumerateRunes())
        {
            state = matcher.Next(state, rune.Value);
            if (state is null)
                return false;
        }
        return state.CanEnd;
    }
}
