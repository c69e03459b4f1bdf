using System.Diagnostics;
using Chasqui.Bench.Wire;

namespace Chasqui.Cli.Tests;

public sealed class BenchArithmeticTests
{
    [Fact]
    public void Rounds_become_a_median_and_ratios_are_of_medians()
    {
        var table = new SampleTable();
        foreach (var value in new double[] { 30, 10, 20 })
        {
            table.Add("qps ours", "1/s", value);
            table.Add("qps theirs", "1/s", value / 5);
        }
        table.Add("qps theirs", "1/s", 100);

        Assert.Equal(["qps ours", "qps theirs"], table.Rows.Select(r => r.Name));
        Assert.Equal((20, 10, 30), (table.Rows[0].Median, table.Rows[0].Min, table.Rows[0].Max));
        var ratio = table.Ratio("qps", "ours", "theirs");
        Assert.Equal("qps ours/theirs", ratio.Name);
        Assert.Equal(20 / 5.0, ratio.Value);
    }

    [Fact]
    public void Processor_time_and_bytes_are_counted_for_each_operation()
    {
        var sample = PeerSample.From(new PeerAnswer { Operations = 1000, Seconds = 2, P50 = 1, P99 = 3 }, TimeSpan.FromMilliseconds(50), 30_000);

        Assert.Equal(new PeerSample(Rate: 500, Cpu: 50, P50: 1, P99: 3, Bytes: 30), sample);
    }

    [Fact]
    public void A_measurement_in_which_nothing_happened_is_none() =>
        Assert.Throws<IOException>(() => PeerSample.From(new PeerAnswer { Seconds = 1 }, TimeSpan.Zero, 0));

    [Fact]
    public void Quantiles_are_right_within_a_sixteenth()
    {
        var histogram = new LatencyHistogram();
        for (var microseconds = 1; microseconds <= 10_000; microseconds++)
            histogram.Add(microseconds * (Stopwatch.Frequency / 1_000_000));

        Assert.InRange(histogram.Quantile(0.5), 5.0, 5.0 * 17 / 16);
        Assert.InRange(histogram.Quantile(0.99), 9.9, 9.9 * 17 / 16);
        Assert.InRange(histogram.Quantile(1), 10.0, 10.0 * 17 / 16);
    }

    [Fact]
    public void Without_times_a_quantile_is_0() => Assert.Equal(0, new LatencyHistogram().Quantile(0.5));

    [Fact]
    public async Task A_client_and_a_server_process_are_measured_and_end()
    {
        var token = TestContext.Current.CancellationToken;
        Process server, client;
        using (var pair = await PeerPair.StartAsync("floor", token).WaitAsync(TimeSpan.FromSeconds(30), token))
        {
            (server, client) = (Process.GetProcessById(pair.Server.Id), Process.GetProcessById(pair.Client.Id));
            var sample = await pair.MeasureAsync(new PeerLoad(LoadShape.Unary, 1, 4), 0.05, 0.1, token).WaitAsync(TimeSpan.FromSeconds(30), token);
            Assert.True(sample.Rate > 0);
            Assert.True(sample.Cpu >= 0);
        }
        using (server)
            await server.WaitForExitAsync(token).WaitAsync(TimeSpan.FromSeconds(30), token);
        using (client)
            await client.WaitForExitAsync(token).WaitAsync(TimeSpan.FromSeconds(30), token);
    }

    [Fact]
    public async Task What_a_peer_says_went_wrong_is_shown()
    {
        var token = TestContext.Current.CancellationToken;
        using var pair = await PeerPair.StartAsync("floor", token).WaitAsync(TimeSpan.FromSeconds(30), token);

        var failure = await Assert.ThrowsAsync<IOException>(
            () => pair.Client.AskAsync(new PeerCommand(PeerVerb.Run, Seconds: 1), token).WaitAsync(TimeSpan.FromSeconds(30), token));

        Assert.Contains("client floor: InvalidOperationException", failure.Message);
    }
}
