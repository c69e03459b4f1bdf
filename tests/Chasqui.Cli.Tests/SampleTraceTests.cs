namespace Chasqui.Cli.Tests;

public sealed class SampleTraceTests
{
    [Fact]
    public async Task Without_a_trace_simulate_uses_the_sample_and_says_so()
    {
        var outcome = await new CliRun().RunAsync("simulate", "--json");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("the sample that comes with Chasqui", outcome.Error);
        Assert.Contains("600", outcome.Out);
    }
}
