namespace Chasqui.OllamaDouble.Tests;

/// <summary>What goes wrong, and that it can be told apart.</summary>
public sealed class FaultTests
{
    private const string Ask = """{"model":"mini","prompt":"Hello!"}""";
    private const string Died = """{"error":"an error was encountered while running the model: unexpected EOF"}""";

    [Fact]
    public async Task An_engine_that_dies_ends_a_stream_as_recorded_and_the_next_request_loads_again()
    {
        await using var node = await Node.StartAsync(With(new Fault { Kind = FaultKind.EngineDies, AfterTokens = 3, Requests = 1 }));

        var (status, body) = await node.AskAsync("/api/generate", Ask);
        var lines = body.TrimEnd('\n').Split('\n');

        Assert.Equal((200, 4, Died), (status, lines.Length, lines[^1]));
        Assert.Equal(200, (await node.AskAsync("/api/generate", Ask)).Status);
        Assert.Equal(2, node.Double.State.Loads);
    }

    [Fact]
    public async Task An_engine_that_dies_is_a_500_without_streaming_and_an_empty_delta_for_OpenAI()
    {
        await using var node = await Node.StartAsync(With(new Fault { Kind = FaultKind.EngineDies }));

        Assert.Equal((500, Died), await node.AskAsync("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false}"""));
        var (_, stream) = await node.AskAsync("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":true}""");
        var last = stream.TrimEnd('\n').Split("\n\n")[^1];
        Assert.Contains("\"model\":\"\"", last, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", stream, StringComparison.Ordinal);
        var (_, messages) = await node.AskAsync("/v1/messages", """{"model":"mini","max_tokens":8,"messages":[{"role":"user","content":"x"}],"stream":true}""");
        Assert.DoesNotContain("message_stop", messages, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_is_green_while_generation_hangs_and_503_comes_at_once()
    {
        await using var node = await Node.StartAsync(With(new Fault { Kind = FaultKind.Hang }));
        using var leave = new CancellationTokenSource();
        var asked = node.PostAsync("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}]}""", false, leave.Token);
        await node.UntilAsync(state => state is { Faults: 1, InFlight: 1 });
        foreach (var path in new[] { "/api/version", "/api/tags", "/api/ps" })
            Assert.NotEmpty(await node.GetAsync(path));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await node.UntilAsync(state => state.InFlight == 0);

        node.Double.Script = With(new Fault { Kind = FaultKind.Status, Requests = 1, Models = ["mini"] });
        Assert.Equal(503, (await node.AskAsync("/api/generate", Ask)).Status);
        Assert.Equal(200, (await node.AskAsync("/api/generate", Ask)).Status);
    }

    [Fact]
    public async Task Streams_break_in_each_way()
    {
        await using var node = await Node.StartAsync(With(new Fault { Kind = FaultKind.DropMidStream, AfterTokens = 2 }));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => node.AskAsync("/api/generate", Ask));
        node.Double.Script = With(new Fault { Kind = FaultKind.Drop });
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => node.AskAsync("/api/generate", Ask));
        node.Double.Script = With(new Fault { Kind = FaultKind.NoDone, AfterTokens = 2 });
        Assert.DoesNotContain("\"done\":true", (await node.AskAsync("/api/generate", Ask)).Body, StringComparison.Ordinal);
        node.Double.Script = With(new Fault { Kind = FaultKind.BadJson, AfterTokens = 2 });
        await NoJsonAsync(node);
        node.Double.Script = With(new Fault { Kind = FaultKind.TruncatedLine, AfterTokens = 2 });
        await NoJsonAsync(node);
        node.Double.Script = With(new Fault { Kind = FaultKind.ErrorLine, AfterTokens = 2, Message = "out of luck" });
        Assert.Equal("""{"error":"out of luck"}""", Line((await node.AskAsync("/api/generate", Ask)).Body, 2));
    }

    [Fact]
    public async Task A_node_that_stops_listening_refuses_and_comes_back()
    {
        await using var node = await Node.StartAsync();
        var address = node.Double.Address;
        await node.Double.StopListeningAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => node.GetAsync("/api/version"));
        await node.Double.ListenAsync(TestContext.Current.CancellationToken);
        Assert.Equal(address, node.Double.Address);
        Assert.Contains("0.33", await node.GetAsync("/api/version"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_changes_while_it_runs_and_a_wrong_one_is_refused_by_name()
    {
        await using var node = await Node.StartAsync();
        Assert.Equal(200, (await node.AskAsync("/double/script", """{"faults":[{"kind":"status","status":500}],"numParallel":4}""")).Status);
        Assert.Equal(500, (await node.AskAsync("/api/generate", Ask)).Status);
        var (status, body) = await node.AskAsync("/double/script", """{"numParallel":0}""");
        Assert.Equal((400, "numParallel is 0; it must be from 1 to 1024"), (status, body));
        Assert.Equal(400, (await node.AskAsync("/double/script", """{"nope":0}""")).Status);
        Assert.Equal(4, node.Double.Script.NumParallel);
    }

    [Fact]
    public async Task Requests_are_remembered_with_fields_that_nobody_knows()
    {
        await using var node = await Node.StartAsync();
        await node.AskAsync("/api/generate", """{"model":"mini","prompt":"x","wat":{"deep":1}}""");
        var request = Assert.Single(node.Double.Requests);
        Assert.Contains("\"wat\":{\"deep\":1}", request.Body, StringComparison.Ordinal);
        Assert.StartsWith("application/json", request.Header("content-type"), StringComparison.Ordinal);
        Assert.Equal(1, Node.Json(await node.GetAsync("/double/state")).GetProperty("requestsByPath").GetProperty("POST /api/generate").GetInt64());
    }

    private static DoubleScript With(Fault fault) => new() { Faults = [fault] };

    private static async Task NoJsonAsync(Node node)
    {
        var (_, body) = await node.AskAsync("/api/generate", Ask);
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => Node.Json(Line(body, 2)));
    }

    private static string Line(string body, int index) => body.Split('\n')[index];
}
