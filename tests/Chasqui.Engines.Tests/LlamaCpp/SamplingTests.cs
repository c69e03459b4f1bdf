namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Values at the edge of what is allowed, where the arithmetic of the samplers is at its limit.</summary>
[Collection(EngineCollection.Name)]
public sealed class SamplingTests(SharedEngine shared)
{
    private readonly EngineBed _bed = shared.Bed;

    public static TheoryData<float, float, float> Edges()
    {
        var edges = new TheoryData<float, float, float>();
        foreach (var temperature in new[] { 1e-45f, 1e-38f, 1e-6f, 1f, 100f })
        {
            foreach (var typical in new[] { 0f, 0.3f, 1f })
            {
                foreach (var penalty in new[] { 1e-38f, 1f, 100f })
                    edges.Add(temperature, typical, penalty);
            }
        }

        return edges;
    }

    [Theory]
    [MemberData(nameof(Edges))]
    public async Task A_grammar_holds_at_the_edge_of_every_option(float temperature, float typical, float penalty)
    {
        var options = new GenerationOptions { Temperature = temperature, TypicalP = typical, RepeatPenalty = penalty, TopK = 0, TopP = 1, Seed = 5, NumPredict = 50 };
        var answer = await _bed.Chat(EngineBed.Question("Describe a fox as JSON.", options) with { Format = OutputFormat.Json });
        Assert.StartsWith("{", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1e-45f)]
    [InlineData(1e-38f)]
    [InlineData(1e-6f)]
    public async Task A_temperature_near_0_is_as_0(float temperature)
    {
        var options = new GenerationOptions { Temperature = 0, RepeatPenalty = 1, NumPredict = 40 };
        var zero = await _bed.Ask("Tell me a story about a dog.", options);
        var near = await _bed.Ask("Tell me a story about a dog.", options with { Temperature = temperature, Seed = 5 });
        Assert.Equal(zero.Text, near.Text);
    }
}
