using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Chasqui.Bench.Engine;
using Chasqui.Bench.Sched;
using Chasqui.Bench.Wire;
using Chasqui.Client;

namespace Chasqui.Bench.Sessions;

/// <summary>One session that a thousand follow over ten connections: how many events are delivered, and how late.</summary>
internal sealed class EventsScenario : IBenchScenario
{
    private const int Connections = 10;
    private const int Followers = 100;
    private const int Rate = 50;

    public string Name => "events";

    public string Description => "1,000 followers of one session on 10 connections, 50 changes a second: events delivered, and how late";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var gateway = await SessionGateway.StartAsync(folder => RandomModel.Write(Path.Combine(folder, "bench.gguf"), 1), cancellationToken).ConfigureAwait(false);
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            progress.Report($"round {round} of {options.Rounds}: {Connections * Followers} followers");
            var id = (await gateway.PostAsync("/api/sessions", """{"mode":"batched"}""", cancellationToken).ConfigureAwait(false)).GetProperty("id").GetString()!;
            var changes = (int)(options.Seconds * Rate);
            var clock = Stopwatch.StartNew();
            var clients = Enumerable.Range(0, Connections).Select(_ => new ChasquiClient(string.Create(CultureInfo.InvariantCulture, $"tcp://127.0.0.1:{gateway.MessagePort}"))).ToList();
            try
            {
                var following = clients.SelectMany(client => Enumerable.Range(0, Followers).Select(_ => FollowAsync(client, id, changes, clock, cancellationToken))).ToList();
                var begun = clock.Elapsed.TotalSeconds;
                for (var i = 0; i < changes; i++)
                {
                    var due = TimeSpan.FromSeconds(begun + ((double)i / Rate)) - clock.Elapsed;
                    if (due > TimeSpan.Zero)
                        await Task.Delay(due, cancellationToken).ConfigureAwait(false);
                    var body = string.Create(CultureInfo.InvariantCulture, $$"""{"messages":[{"role":"user","content":"{{clock.ElapsedTicks}}"}]}""");
                    await gateway.PostAsync($"/api/sessions/{id}/messages", body, cancellationToken).ConfigureAwait(false);
                }
                var lags = (await Task.WhenAll(following).ConfigureAwait(false)).SelectMany(one => one).ToList();
                table.Add("events delivered", "1/s", lags.Count / (clock.Elapsed.TotalSeconds - begun));
                table.Add("lag p50 ms", "ms", Quantile.Of(lags, 0.5));
                table.Add("lag p99 ms", "ms", Quantile.Of(lags, 0.99));
                table.Add("events missing", "1", ((long)changes * Connections * Followers) - lags.Count);
            }
            finally
            {
                foreach (var client in clients)
                    await client.DisposeAsync().ConfigureAwait(false);
            }
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows, []);
    }

    /// <returns>Milliseconds from when each change was sent to when it was heard of.</returns>
    private static async Task<List<double>> FollowAsync(ChasquiClient client, string id, int changes, Stopwatch clock, CancellationToken cancellationToken)
    {
        List<double> lags = new(changes);
        await foreach (var change in client.SubscribeAsync("session." + id, 1, null, cancellationToken).ConfigureAwait(false))
        {
            var now = clock.ElapsedTicks;
            var json = JsonElement.Parse(change.Payload.Span);
            var sent = long.Parse(json.GetProperty("messages")[0].GetProperty("content").GetString()!, CultureInfo.InvariantCulture);
            lags.Add((now - sent) * 1000.0 / Stopwatch.Frequency);
            if (lags.Count == changes)
                break;
        }
        return lags;
    }
}
