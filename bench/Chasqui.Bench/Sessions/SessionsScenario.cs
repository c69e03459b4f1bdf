using System.Diagnostics;
using System.Globalization;
using System.Text;
using Chasqui.Bench.Engine;
using Chasqui.Bench.Sched;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Sessions;

/// <summary>Sessions: acknowledged appends in the three modes, a long conversation read, and the first token of a late turn with what was computed before and without.</summary>
internal sealed class SessionsScenario : IBenchScenario
{
    private const string Model = "bench";
    private const int Turns = 200;
    private const double WarmUp = 0.3;

    private static readonly string[] _modes = ["immediate", "batched", "local"];

    public string Name => "sessions";

    public string Description => "acknowledged appends a second in the three modes, a conversation of 200 turns, and the first token of turn 20 warm and cold";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        progress.Report("writing a larger model");
        using var gateway = await SessionGateway.StartAsync(folder => RandomModel.Write(Path.Combine(folder, Model + ".gguf"), 1), cancellationToken).ConfigureAwait(false);
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var writers in (int[])[1, 64])
            {
                foreach (var mode in _modes)
                {
                    progress.Report($"round {round} of {options.Rounds}: {writers} writers, {mode}");
                    var times = await AppendAsync(gateway, mode, writers, options.Seconds, cancellationToken).ConfigureAwait(false);
                    table.Add($"appends {mode} c{writers}", "1/s", times.Count / options.Seconds);
                    table.Add($"append p50 {mode} c{writers} ms", "ms", Quantile.Of(times, 0.5));
                    table.Add($"append p99 {mode} c{writers} ms", "ms", Quantile.Of(times, 0.99));
                }
            }
            progress.Report($"round {round} of {options.Rounds}: a conversation of {Turns} turns");
            table.Add($"{Turns} turns read p50 ms", "ms", await ReadAsync(gateway, cancellationToken).ConfigureAwait(false));
            foreach (var warm in (bool[])[false, true])
            {
                progress.Report($"round {round} of {options.Rounds}: the first token of turn 20, {(warm ? "warm" : "cold")}");
                table.Add($"ttft {(warm ? "warm" : "cold")} ms", "ms", await FirstTokenAsync(gateway, warm, cancellationToken).ConfigureAwait(false));
            }
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows,
        [
            Ratio(table, "appends batched/immediate c64", "appends batched c64", "appends immediate c64"),
            Ratio(table, "appends local/immediate c64", "appends local c64", "appends immediate c64"),
            Ratio(table, "ttft cold/warm", "ttft cold ms", "ttft warm ms"),
        ]);
    }

    private static BenchRatio Ratio(SampleTable table, string name, string of, string to) =>
        BenchRatio.From(name, table.Rows.Single(row => row.Name == of), table.Rows.Single(row => row.Name == to));

    /// <summary>Each writer has a session of his own, and waits for each acknowledgement.</summary>
    /// <returns>Milliseconds of each append that was acknowledged in the time.</returns>
    private static async Task<List<double>> AppendAsync(SessionGateway gateway, string mode, int writers, double seconds, CancellationToken cancellationToken)
    {
        const string Body = """{"messages":[{"role":"user","content":"The chasqui runs from post to post and carries the message without stopping, in llama country, by day and by night."}]}""";
        var clock = Stopwatch.StartNew();
        var all = await Task.WhenAll(Enumerable.Range(0, writers).Select(async _ =>
        {
            var session = await gateway.PostAsync("/api/sessions", $$"""{"mode":"{{mode}}"}""", cancellationToken).ConfigureAwait(false);
            var path = $"/api/sessions/{session.GetProperty("id").GetString()}/messages";
            List<double> times = [];
            while (clock.Elapsed.TotalSeconds < WarmUp + seconds)
            {
                var began = clock.Elapsed;
                await gateway.PostAsync(path, Body, cancellationToken).ConfigureAwait(false);
                if (began.TotalSeconds >= WarmUp && clock.Elapsed.TotalSeconds < WarmUp + seconds)
                    times.Add((clock.Elapsed - began).TotalMilliseconds);
            }
            return times;
        })).ConfigureAwait(false);
        return [.. all.SelectMany(times => times)];
    }

    private static async Task<double> ReadAsync(SessionGateway gateway, CancellationToken cancellationToken)
    {
        var id = await ConversationAsync(gateway, Turns, cancellationToken).ConfigureAwait(false);
        List<double> times = [];
        for (var i = 0; i < 50; i++)
        {
            var clock = Stopwatch.StartNew();
            await gateway.Http.GetByteArrayAsync(new Uri($"/api/sessions/{id}", UriKind.Relative), cancellationToken).ConfigureAwait(false);
            times.Add(clock.Elapsed.TotalMilliseconds);
        }
        return Quantile.Of(times, 0.5);
    }

    /// <summary>A conversation of nineteen exchanges goes on: right after the nineteenth, or with a model that has just been loaded.</summary>
    private static async Task<double> FirstTokenAsync(SessionGateway gateway, bool warm, CancellationToken cancellationToken)
    {
        var id = await ConversationAsync(gateway, 36, cancellationToken).ConfigureAwait(false);
        await FirstTokenAsync(gateway, id, cancellationToken).ConfigureAwait(false);
        if (!warm)
        {
            await gateway.PostAsync("/api/generate", $$"""{"model":"{{Model}}","keep_alive":0}""", cancellationToken).ConfigureAwait(false);
            await gateway.PostAsync("/api/generate", $$"""{"model":"{{Model}}"}""", cancellationToken).ConfigureAwait(false);
        }
        return await FirstTokenAsync(gateway, id, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<double> FirstTokenAsync(SessionGateway gateway, string id, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/chat")
        {
            Content = new StringContent($$"""{"model":"{{Model}}","messages":[{"role":"user","content":"And then?"}],"options":{"num_predict":8,"temperature":0} }""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Chasqui-Session", id);
        var clock = Stopwatch.StartNew();
        using var answer = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
        await lines.ReadLineAsync(cancellationToken).ConfigureAwait(false);
        var first = clock.Elapsed.TotalMilliseconds;
        await lines.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        return first;
    }

    private static async Task<string> ConversationAsync(SessionGateway gateway, int turns, CancellationToken cancellationToken)
    {
        var id = (await gateway.PostAsync("/api/sessions", "{}", cancellationToken).ConfigureAwait(false)).GetProperty("id").GetString()!;
        var messages = string.Join(',', Enumerable.Range(0, turns).Select(i => string.Create(CultureInfo.InvariantCulture,
            $$"""{"role":"{{(i % 2 == 0 ? "user" : "assistant")}}","content":"{{id[2..6]}} {{i}}: a llama walks."}""")));
        await gateway.PostAsync($"/api/sessions/{id}/messages", $$"""{"messages":[{{messages}}]}""", cancellationToken).ConfigureAwait(false);
        return id;
    }
}
