using System.Text;
using System.Text.Json;
using Chasqui.Simulation;

namespace Chasqui.Cli;

/// <summary>What a simulation showed, for people and for programs.</summary>
internal static class SimulationReport
{
    private const string Bars = " ▁▂▃▄▅▆▇█";
    private const int Rows = 6;

    // The figure before the axis, and the axis.
    private const int Margin = 11;

    public static void Write(CliConsole console, SimulationPlan plan, SimulationResult result)
    {
        var rows = new List<IReadOnlyList<string>>
        {
            Row("nodes", $"{plan.Nodes} with {plan.Slots} slots and {plan.Memory / 1e9:0.#} GB each"),
            Row("requests", $"{result.Requests}, of which {result.Served} were served in {result.Seconds:0.0} s"),
        };
        rows.AddRange(result.Refused.Select(refused => Row("refused", $"{refused.Value}: {refused.Key}")));
        rows.AddRange(
        [
            Row("wait for a slot", Text(result.Wait)),
            Row("first token", Text(result.FirstToken)),
        ]);
        if (result.MeanWaits.Count > 1)
            rows.Add(Row("mean wait by class", string.Join(", ", result.MeanWaits.Select(one => FormattableString.Invariant($"{one.Key} {one.Value:0.00} s")))));
        rows.AddRange(
        [
            Row("throughput", $"{result.RequestsPerSecond:0.00} requests/s, {result.TokensPerSecond:0} tokens/s"),
            Row("goodput", $"{result.GoodRequestsPerSecond:0.00} requests/s, {result.GoodTokensPerSecond:0} tokens/s"),
            Row("in time", $"{result.GoodShare:0.0%} had their first token within {plan.Target:0.##} s"),
            Row("loads of models", $"{result.Loads}"),
            Row("slots in use", $"{result.Utilization:0.0%} of their time"),
            Row("fairness", $"{result.Fairness:0.000} (Jain's index of {result.Callers} callers' tokens for their weights)"),
            Row("most waiting", $"{result.MostWaiting}"),
        ]);
        TableOutput.Write(console, ["WHAT", "FIGURE"], rows);
        if (console.OutputIsTerminal)
            Plot(console, result);
    }

    public static string ToJson(SimulationPlan plan, SimulationResult result)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("nodes", plan.Nodes);
            json.WriteNumber("slots", plan.Slots);
            json.WriteNumber("memory", plan.Memory);
            json.WriteNumber("requests", result.Requests);
            json.WriteNumber("served", result.Served);
            json.WriteStartObject("refused");
            foreach (var (reason, count) in result.Refused)
                json.WriteNumber(reason, count);
            json.WriteEndObject();
            json.WriteNumber("seconds", result.Seconds);
            Write(json, "wait_seconds", result.Wait);
            Write(json, "first_token_seconds", result.FirstToken);
            json.WriteStartObject("mean_wait_seconds");
            foreach (var (name, seconds) in result.MeanWaits)
                json.WriteNumber(name, seconds);
            json.WriteEndObject();
            json.WriteNumber("requests_per_second", result.RequestsPerSecond);
            json.WriteNumber("tokens_per_second", result.TokensPerSecond);
            json.WriteNumber("good_share", result.GoodShare);
            json.WriteNumber("good_requests_per_second", result.GoodRequestsPerSecond);
            json.WriteNumber("good_tokens_per_second", result.GoodTokensPerSecond);
            json.WriteNumber("loads", result.Loads);
            json.WriteNumber("utilization", result.Utilization);
            json.WriteNumber("fairness", result.Fairness);
            json.WriteNumber("callers", result.Callers);
            json.WriteNumber("most_waiting", result.MostWaiting);
            json.WriteStartArray("waiting");
            foreach (var waiting in result.Waiting)
                json.WriteNumberValue(waiting);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter json, string name, Quantiles seconds)
    {
        json.WriteStartObject(name);
        json.WriteNumber("mean", seconds.Mean);
        json.WriteNumber("p50", seconds.P50);
        json.WriteNumber("p90", seconds.P90);
        json.WriteNumber("p99", seconds.P99);
        json.WriteNumber("max", seconds.Max);
        json.WriteEndObject();
    }

    private static IReadOnlyList<string> Row(string what, FormattableString figure) => [what, FormattableString.Invariant(figure)];

    private static IReadOnlyList<string> Row(string what, string figure) => [what, figure];

    private static string Text(Quantiles seconds) => FormattableString.Invariant(
        $"mean {seconds.Mean:0.00} s, p50 {seconds.P50:0.00}, p90 {seconds.P90:0.00}, p99 {seconds.P99:0.00}, max {seconds.Max:0.00}");

    /// <summary>How many waited, over the time.</summary>
    private static void Plot(CliConsole console, SimulationResult result)
    {
        var columns = Columns(result.Waiting, Math.Max(20, console.Width() - Margin));
        var most = Math.Max(1, columns.Max());
        console.Out.WriteLine();
        console.Out.WriteLine("requests that waited");
        for (var row = Rows - 1; row >= 0; row--)
        {
            var line = new StringBuilder(FormattableString.Invariant($"{(row == Rows - 1 ? most : row == 0 ? 0 : (object)""),9} │"));
            foreach (var waiting in columns)
            {
                var eighths = (int)Math.Ceiling(waiting * Rows * 8.0 / most) - (row * 8);
                line.Append(Bars[Math.Clamp(eighths, 0, 8)]);
            }
            console.Out.WriteLine(line);
        }
        console.Out.WriteLine("          └" + new string('─', columns.Count));
        console.Out.WriteLine(FormattableString.Invariant($"           0 s{new string(' ', Math.Max(1, columns.Count - 14))}{result.Seconds,8:0} s"));
        console.Out.Flush();
    }

    /// <summary>As many as fit; of those that share a column the most.</summary>
    private static IReadOnlyList<int> Columns(IReadOnlyList<int> waiting, int most)
    {
        if (waiting.Count <= most)
            return waiting;
        var columns = new int[most];
        for (var i = 0; i < waiting.Count; i++)
        {
            var at = i * most / waiting.Count;
            columns[at] = Math.Max(columns[at], waiting[i]);
        }
        return columns;
    }
}
