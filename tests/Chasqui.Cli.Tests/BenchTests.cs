using System.Text.Json;
using Chasqui.Bench;

namespace Chasqui.Cli.Tests;

public sealed class BenchTests
{
    [Fact]
    public async Task A_scenario_is_run_as_often_as_was_said_and_reported()
    {
        var scenario = new Fake();
        var run = new CliRun { Scenarios = [scenario] };
        var file = Path.GetTempFileName();
        try
        {
            var outcome = await run.RunAsync("bench", "fake", "--rounds", "5", "--seconds", "0.5", "--json", file);

            Assert.Equal(0, outcome.ExitCode);
            Assert.Equal(new BenchOptions { Rounds = 5, Seconds = 0.5 }, scenario.Options);
            Assert.Equal("fast\t1234\t0.500\t20.0\ttok/s\nfast/slow\t3.10x\tfast\tslow\n", outcome.Out.ReplaceLineEndings("\n"));
            Assert.Contains("round 1", outcome.Error);
            var json = JsonElement.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
            Assert.Equal("fake", json.GetProperty("scenario").GetString());
            Assert.Equal(1234.4, json.GetProperty("rows")[0].GetProperty("median").GetDouble());
            Assert.Equal(3.1, json.GetProperty("ratios")[0].GetProperty("value").GetDouble());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_told_before_anything_is_measured()
    {
        var scenario = new Fake();

        var outcome = await new CliRun { Scenarios = [scenario] }.RunAsync("bench", "fake", "--json", "/no/such/folder/b.json");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("/no/such/folder/b.json", outcome.Error);
        Assert.Null(scenario.Options);
    }

    [Fact]
    public async Task Ctrl_C_ends_a_measurement_with_130()
    {
        var scenario = new Fake();
        var run = new CliRun { Scenarios = [scenario] };
        scenario.OnRun = () => run.Interrupts.Raise();

        Assert.Equal(130, (await run.RunAsync("bench", "fake")).ExitCode);
    }

    private sealed class Fake : IBenchScenario
    {
        public string Name => "fake";

        public string Description => "nothing";

        public BenchOptions? Options { get; private set; }

        public Action OnRun { get; set; } = () => { };

        public Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
        {
            Options = options;
            progress.Report("round 1");
            OnRun();
            cancellationToken.ThrowIfCancellationRequested();
            return Task.FromResult(new BenchReport(
                Name, BenchMachine.Current(), [new BenchRow("fast", "tok/s", 1234.4, 0.5, 20)], [new BenchRatio("fast/slow", 3.1, "fast", "slow")]));
        }
    }
}
