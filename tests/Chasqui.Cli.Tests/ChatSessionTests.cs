namespace Chasqui.Cli.Tests;

/// <summary>Conversations that a real gateway records, over HTTP and over MCP.</summary>
public sealed class ChatSessionTests
{
    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task A_conversation_goes_on_where_another_one_left_it(string scheme)
    {
        await using var gateway = await HttpGateway.StartAsync();

        var first = await RunAsync(gateway, scheme, "One\nTwo\n", "talk");
        var second = await RunAsync(gateway, scheme, "Three\n", "talk");

        Assert.Equal((0, 0), (first.ExitCode, second.ExitCode));
        Assert.Equal(
            ["user: One", "assistant: Hello there", "user: Two", "assistant: Hello there", "user: Three"],
            gateway.Engine.Asked[^1].Messages.Select(message => $"{message.Role}: {message.Content}"));
        var shown = await new CliRun { Server = gateway.Address }.RunAsync("sessions", "show", "talk", "--json");
        Assert.Contains("\"message_count\":6", shown.Out.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task Who_comes_too_late_is_told_and_goes_on_from_there(string scheme)
    {
        await using var gateway = await HttpGateway.StartAsync();
        var others = 0;
        gateway.Engine.Answer = (_, cancellationToken) => ++others == 1 ? InterruptedAsync(cancellationToken) : ScriptedEngine.SayAsync(cancellationToken, "Hello");

        var outcome = await RunAsync(gateway, scheme, "One\nOne\n", "talk");

        Assert.Contains("Somebody else has written to session talk", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(["user: Meanwhile", "user: One"], gateway.Engine.Asked[^1].Messages.Select(message => $"{message.Role}: {message.Content}"));

        async IAsyncEnumerable<GenerationUpdate> InterruptedAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            using var http = new HttpClient { BaseAddress = gateway.Address };
            using var written = await http.PostAsync("/api/sessions/talk/messages", new StringContent("""{"messages":[{"role":"user","content":"Meanwhile"}]}"""), cancellationToken);
            Assert.True(written.IsSuccessStatusCode);
            await foreach (var update in ScriptedEngine.SayAsync(cancellationToken, "Hello"))
                yield return update;
        }
    }

    [Fact]
    public async Task A_pipe_gets_the_time_itself_and_scripts_JSON_for_every_verb()
    {
        await using var gateway = await HttpGateway.StartAsync();
        await RunAsync(gateway, "http", "One\n", "talk");
        await RunAsync(gateway, "http", "One\n", "talk-2");

        var listed = await new CliRun { Server = gateway.Address }.RunAsync("sessions", "list");
        var removal = await new CliRun { Server = gateway.Address }.RunAsync("sessions", "rm", "talk", "talk-2", "--json");

        Assert.All(listed.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(@"\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", line.TrimEnd()));
        Assert.Equal((0, ""), (removal.ExitCode, removal.Error));
        var removed = removal.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => System.Text.Json.JsonElement.Parse(line)).ToList();
        Assert.Equal(["talk", "talk-2"], removed.Select(line => line.GetProperty("id").GetString()));
        Assert.All(removed, line => Assert.True(line.GetProperty("removed").GetBoolean()));
    }

    [Fact]
    public async Task Without_a_gateway_there_are_no_sessions()
    {
        var outcome = await new CliRun { Input = "One\n" }.RunAsync("chat", "--session", "talk");

        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("--session needs a gateway", outcome.Error, StringComparison.Ordinal);
    }

    private static Task<CliOutcome> RunAsync(HttpGateway gateway, string scheme, string input, string session) =>
        new CliRun { Input = input, Server = scheme == "http" ? gateway.Address : new Uri($"{scheme}://{gateway.Address.Authority}/ws") }.RunAsync("chat", "--session", session);
}
