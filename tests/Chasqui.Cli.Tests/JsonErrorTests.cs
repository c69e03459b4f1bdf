using System.Text.Json;

namespace Chasqui.Cli.Tests;

/// <summary>With <c>--json</c> an error is JSON too: one line on standard error, and nothing on standard output.</summary>
public sealed class JsonErrorTests : IAsyncLifetime
{
    private HttpGateway _gateway = null!;

    public async ValueTask InitializeAsync() => _gateway = await HttpGateway.StartAsync();

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData(1, "session \"nope\" not found", "sessions", "rm", "nope")]
    [InlineData(1, "session \"nope\" not found", "sessions", "show", "nope")]
    [InlineData(1, "session \"nope\" not found", "sessions", "fork", "nope")]
    [InlineData(1, "session \"nope\" not found", "sessions", "export", "nope")]
    [InlineData(1, "session \"nope\" not found", "sessions", "follow", "nope")]
    [InlineData(1, "model 'nope:latest' not found", "models", "show", "nope")]
    [InlineData(1, "model 'nope' not found", "models", "load", "nope")]
    [InlineData(1, "model 'nope' not found", "models", "unload", "nope")]
    [InlineData(1, "node local does not manage models", "models", "rm", "nope")]
    [InlineData(1, "model 'nope' not found", "ask", "Hi", "--model", "nope")]
    [InlineData(1, "there is no key 'nope'", "keys", "rm", "nope", "--data", "DATA")]
    [InlineData(2, "--weight is '0', but must be a number from 0.01 to 1000", "keys", "add", "a", "--weight", "0", "--data", "DATA")]
    [InlineData(2, "--limit is 0, but must be from 1 to 1000", "sessions", "list", "--limit", "0")]
    [InlineData(2, "there is no verb 'nope' here; the verbs are ", "models", "nope")]
    [InlineData(2, "/no/such/x is no", "models", "list", "--server", "/no/such/x is no")]
    [InlineData(3, "no gateway answers at http://127.0.0.1:1", "nodes", "--server", "http://127.0.0.1:1")]
    public async Task It_is_one_object_on_standard_error(int exitCode, string said, params string[] args)
    {
        var given = args.Select(arg => arg == "DATA" ? _gateway.Data : arg);

        var outcome = await new CliRun { Server = _gateway.Address }.RunAsync([.. given, "--json"]);

        Assert.Equal((exitCode, ""), (outcome.ExitCode, outcome.Out));
        var line = Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var member = Assert.Single(JsonElement.Parse(line).EnumerateObject());
        Assert.Equal("error", member.Name);
        Assert.Contains(said, member.Value.GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_terminal_too_it_is_one_line()
    {
        var name = string.Join('-', Enumerable.Repeat("nope", 12));

        var outcome = await new CliRun { Server = _gateway.Address, Terminal = true, Width = 40 }.RunAsync("sessions", "rm", name,
            "--json");

        var line = Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(name, JsonElement.Parse(line).GetProperty("error").GetString(), StringComparison.Ordinal);
    }
}
