using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Chasqui.Client;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>Metrics of running gateways: their names, units, attributes and values, and the page for Prometheus.</summary>
public sealed partial class MetricsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_generation_is_measured_by_the_conventions()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync(["a", "b", "c", "d"], token) });
        using var meters = new MeterWatch(gateway.App.Services.GetRequiredService<GatewayTelemetry>());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        using var answer = await gateway.PostAsync("/api/generate", """{"model":"m","prompt":"x"}""");
        await answer.Content.ReadAsStringAsync(Cancellation);
        await meters.OfAsync("gen_ai.server.request.duration");
        await foreach (var _ in client.ChatAsync(new Messages.ChatRequest { Model = "m", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } }, cancellationToken: Cancellation))
        {
            // Only its end matters.
        }

        var durations = await meters.OfAsync("gen_ai.server.request.duration", 2);
        Assert.Equal(["text_completion", "chat"], durations.Select(m => m.Tags["gen_ai.operation.name"]));
        Assert.All(durations, m =>
        {
            Assert.Equal(("s", "m", "chasqui"), (m.Unit, m.Tags["gen_ai.request.model"], m.Tags["gen_ai.provider.name"]));
            Assert.DoesNotContain("error.type", m.Tags.Keys);
            Assert.InRange(m.Value, 0, 60);
        });
        Assert.Equal(2, meters.Of("gen_ai.server.time_to_first_token").Count);
        Assert.Equal(2, meters.Of("gen_ai.server.time_per_output_token").Count);
        Assert.All(durations.Zip(meters.Of("gen_ai.server.time_to_first_token")), pair => Assert.InRange(pair.Second.Value, 0, pair.First.Value));
        var tokens = meters.Of("gen_ai.client.token.usage");
        Assert.Equal([("input", 3d), ("output", 4d), ("input", 3d), ("output", 4d)], tokens.Select(m => (m.Tags["gen_ai.token.type"], m.Value)));
        Assert.All(tokens, m => Assert.Equal("{token}", m.Unit));
        await meters.OfAsync("chasqui.requests", 2);
        Assert.Equal([("http", "/api/generate", "ok"), ("mcp", "chat", "ok")],
            meters.Of("chasqui.requests").Select(m => (m.Tags["chasqui.transport"], m.Tags["chasqui.route"], m.Tags["chasqui.outcome"])));
        Assert.Equal(0, meters.Of("chasqui.requests.active").Sum(m => m.Value));
        Assert.Equal(4, meters.Of("chasqui.io").Count);
        Assert.All(meters.Of("chasqui.io"), m => Assert.True(m.Value > 0));
    }

    [Theory]
    [InlineData("""{"model":"m","prompt":"x","stream":false}""", "model_not_found", "refused")]
    [InlineData("""{"model":"m","prompt":"x"}""", "model_not_found", "refused")]
    [InlineData("{", null, "refused")]
    public async Task A_failure_is_measured_with_its_kind(string body, string? error, string outcome)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync([], new ModelNotFoundException("m", []), token) });
        using var meters = new MeterWatch(gateway.App.Services.GetRequiredService<GatewayTelemetry>());

        using var answer = await gateway.PostAsync("/api/generate", body);
        await meters.OfAsync(error is null ? "chasqui.requests" : "gen_ai.server.request.duration");

        Assert.Equal(outcome, Assert.Single(meters.Of("chasqui.requests")).Tags["chasqui.outcome"]);
        Assert.Equal(error is null ? [] : [(error, "_other")],
            meters.Of("gen_ai.server.request.duration").Select(m => (m.Tags["error.type"], m.Tags["gen_ai.request.model"])));
        Assert.Empty(meters.Of("gen_ai.server.time_to_first_token"));
    }

    [Fact]
    public async Task A_client_that_leaves_is_a_cancelled_request()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => HangAsync(token) });
        using var meters = new MeterWatch(gateway.App.Services.GetRequiredService<GatewayTelemetry>());

        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent("""{"model":"m","prompt":"x"}""") };
        using (var answer = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        Assert.Equal("cancelled", (await meters.OfAsync("chasqui.requests"))[0].Tags["chasqui.outcome"]);
        Assert.Equal("cancelled", Assert.Single(await meters.OfAsync("gen_ai.server.request.duration")).Tags["error.type"]);
    }

    [Fact]
    public async Task Prometheus_gets_a_page_in_its_form()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync(["a", "b"], token) });
        await using var other = await RunningGateway.StartAsync(new ScriptedEngine());
        using (var answer = await gateway.PostAsync("/api/generate", """{"model":"told-\"to\"-Prometheus","prompt":"x","stream":false}"""))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using (var elsewhere = await other.PostAsync("/api/generate", """{"model":"elsewhere","prompt":"x","stream":false}"""))
            Assert.Equal(HttpStatusCode.OK, elsewhere.StatusCode);

        using var page = await gateway.GetAsync("/metrics");
        var text = await page.Content.ReadAsStringAsync(Cancellation);

        Assert.StartsWith("text/plain", page.Content.Headers.ContentType!.ToString());
        var samples = Parse(text);
        const string model = """gen_ai_request_model="told-\"to\"-Prometheus" """;
        Assert.Equal(2, Value("gen_ai_client_token_usage_sum", model, "=\"output\""));
        Assert.Equal(1, Value("gen_ai_server_request_duration_seconds_count", model));
        Assert.Equal(1, Value("gen_ai_server_request_duration_seconds_bucket", model, "le=\"81.92\""));
        Assert.Equal(1, Value("gen_ai_server_time_to_first_token_seconds_bucket", model, "le=\"+Inf\""));
        Assert.Contains(samples, sample => sample.Name == "chasqui_requests_total" && sample.Labels.Contains("/api/generate", StringComparison.Ordinal));
        Assert.DoesNotContain("elsewhere", text);
        // What is asked for the page itself is no request.
        Assert.DoesNotContain(samples, sample => sample.Labels.Contains("metrics", StringComparison.Ordinal) && sample.Name.StartsWith("chasqui_requests", StringComparison.Ordinal));

        double Value(string name, params string[] labels) => samples.Single(
            sample => sample.Name == name && labels.All(label => sample.Labels.Contains(label.TrimEnd(), StringComparison.Ordinal))).Value;
    }

    [Fact]
    public async Task The_page_is_for_GET_for_this_machine_and_only_where_it_is_on()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var off = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with { Telemetry = options.Telemetry with { Prometheus = false } });
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        rebound.Headers.Host = "evil.example";
        using var foreign = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        foreign.Headers.Add("Origin", "https://evil.example");

        using var post = await gateway.PostAsync("/metrics", "");
        using var none = await off.GetAsync("/metrics");
        using var refused = await gateway.Http.SendAsync(rebound, Cancellation);
        using var foreigner = await gateway.Http.SendAsync(foreign, Cancellation);
        using var below = await gateway.GetAsync("/metrics/x");

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET"), (post.StatusCode, string.Join(',', post.Content.Headers.Allow)));
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (none.StatusCode, below.StatusCode));
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (refused.StatusCode, foreigner.StatusCode));
    }

    [Fact]
    public void The_document_names_every_instrument_and_no_other()
    {
        using var telemetry = new GatewayTelemetry();
        using var meters = new MeterWatch(telemetry);
        var rows = string.Concat(meters.Instruments.Select(instrument => $"| `{instrument.Name}` | {Kind(instrument)} | {instrument.Unit} | {instrument.Description} |\n"));
        var path = Path.Combine(Repository.Root, "docs", "observability.md");
        var document = File.ReadAllText(path);
        const string head = "| metric | kind | unit | what |\n| --- | --- | --- | --- |\n";
        var start = document.IndexOf(head, StringComparison.Ordinal) + head.Length;
        var end = document.IndexOf("\n\n", start - 1, StringComparison.Ordinal) + 1;
        if (Environment.GetEnvironmentVariable("CHASQUI_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, document[..start] + rows + document[end..]);
            return;
        }

        Assert.Equal(rows, document[start..end]);
        var attributes = typeof(TelemetryNames).GetFields().Select(field => (string)field.GetValue(null)!).Where(name => name.Contains('.', StringComparison.Ordinal));
        Assert.All(attributes, name => Assert.Contains($"`{name}`", document));
    }

    private static string Kind(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "ObservableCounter" => "counter",
        "ObservableGauge" => "gauge",
        "UpDownCounter" => "gauge",
        var name => name.ToLowerInvariant(),
    };

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        yield return new GenerationUpdate { Text = "a" };
        await Task.Delay(Timeout.InfiniteTimeSpan, token);
    }

    /// <summary>Every line of the text format, or it fails.</summary>
    private static List<(string Name, string Labels, double Value)> Parse(string text)
    {
        Assert.EndsWith("\n", text);
        var samples = new List<(string, string, double)>();
        var types = new Dictionary<string, string>();
        foreach (var line in text.TrimEnd('\n').Split('\n').Where(line => line.Length > 0))
        {
            if (line.StartsWith('#'))
            {
                if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
                    Assert.True(types.TryAdd(line.Split(' ')[2], line.Split(' ')[3]), $"twice: {line}");
                continue;
            }

            var match = Sample().Match(line);
            Assert.True(match.Success, line);
            var name = match.Groups["name"].Value;
            Assert.True(types.Keys.Any(type => name == type || (types[type] == "histogram" && name.StartsWith(type + "_", StringComparison.Ordinal)) || name == type + "_total"), $"no type: {line}");
            samples.Add((name, match.Groups["labels"].Value, match.Groups["value"].Value is "+Inf" or "NaN" ? double.NaN : double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture)));
        }

        Assert.NotEmpty(samples);
        return samples;
    }

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*)\})? (?<value>\S+)( -?\d+)?$""")]
    private static partial Regex Sample();
}
