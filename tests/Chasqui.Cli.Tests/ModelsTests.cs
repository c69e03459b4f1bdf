using System.Text.Json;

namespace Chasqui.Cli.Tests;

/// <summary>The verbs over a real gateway's HTTP API.</summary>
public sealed class ModelsTests : IAsyncLifetime
{
    private HttpGateway _gateway = null!;

    public async ValueTask InitializeAsync() => _gateway = await HttpGateway.StartAsync();

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task In_a_pipe_a_model_is_a_line_with_tabs_and_no_heading()
    {
        await using var gateway = await HttpGateway.StartAsync(ScriptedEngine.Summary("other:7b"));

        var outcome = await new CliRun { Server = gateway.Address }.RunAsync("models", "list");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(
            "mini:latest\t1.0 MB\t935K\tQ8_0\t8f72aeff398b\t2026-01-02T03:04:05Z\nother:7b\t1.0 MB\t935K\tQ8_0\t8f72aeff398b\t2026-01-02T03:04:05Z\n",
            outcome.Out.ReplaceLineEndings("\n"));
        Assert.Empty(outcome.Error);
    }

    [Fact]
    public async Task On_a_terminal_there_is_a_table_with_a_heading()
    {
        var outcome = await Run(terminal: true).RunAsync("models", "list", "--no-color");

        var lines = Plain(outcome.Out);
        Assert.Matches(@"^NAME\s{2,}SIZE\s{2,}PARAMETERS\s{2,}QUANTIZATION\s{2,}ID\s{2,}MODIFIED", lines[0]);
        Assert.Matches(@"^mini:latest\s{2,}1\.0 MB\s{2,}935K\s{2,}Q8_0\s{2,}8f72aeff398b\s{2,}3 hours ago", lines[1]);
    }

    [Fact]
    public async Task Json_lists_bytes_and_whole_digests()
    {
        var outcome = await RunAsync("models", "list", "--json");

        var model = JsonElement.Parse(outcome.Out)[0];
        Assert.Equal("mini:latest", model.GetProperty("name").GetString());
        Assert.Equal(1_027_552, model.GetProperty("size").GetInt64());
        Assert.Equal(64, model.GetProperty("digest").GetString()!.Length);
        Assert.Equal(1024, model.GetProperty("context_length").GetInt32());
    }

    [Fact]
    public async Task No_models_are_said_on_standard_error()
    {
        var engine = new ScriptedEngine();
        engine.Models.Clear();
        await using var gateway = await HttpGateway.StartAsync(engine);

        var outcome = await new CliRun { Server = gateway.Address }.RunAsync("models", "list");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Out));
        Assert.Contains("has no models", outcome.Error);
    }

    [Fact]
    public async Task A_model_is_loaded_listed_and_unloaded()
    {
        Assert.Contains("No model is in memory", (await RunAsync("models", "ps")).Error);

        Assert.Equal(0, (await RunAsync("models", "load", "mini", "--keep-alive", "forever", "--num-ctx", "512")).ExitCode);
        var resident = await RunAsync("models", "ps");
        Assert.Equal("mini:latest\t48 MB\tCPU\t512\tforever\n", resident.Out.ReplaceLineEndings("\n"));
        var json = JsonElement.Parse((await RunAsync("models", "ps", "--json")).Out)[0];
        Assert.Equal(512, json.GetProperty("context_length").GetInt32());

        Assert.Contains("mini has left memory", (await RunAsync("models", "unload", "mini")).Error);
        Assert.Contains("mini was not in memory", (await RunAsync("models", "unload", "mini")).Error);
        Assert.False(JsonElement.Parse((await RunAsync("models", "unload", "mini", "--json")).Out).GetProperty("was_loaded").GetBoolean());
    }

    [Fact]
    public async Task Show_tells_a_fact_a_line()
    {
        var outcome = await RunAsync("models", "show", "mini");

        var facts = outcome.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r').Split('\t')).ToDictionary(f => f[0], f => f[1]);
        Assert.Equal("mini:latest", facts["name"]);
        Assert.Equal("1.0 MB", facts["size"]);
        Assert.Equal("1024", facts["context length"]);
        Assert.Equal("Be kind.", facts["system"]);
        Assert.Equal("llama", facts["general.architecture"]);

        var json = JsonElement.Parse((await RunAsync("models", "show", "mini", "--json")).Out);
        Assert.Equal("Be\nkind.", json.GetProperty("system").GetString());
        Assert.Equal(1024, json.GetProperty("metadata").GetProperty("llama.context_length").GetInt32());
    }

    [Theory]
    [InlineData("show")]
    [InlineData("load")]
    [InlineData("unload")]
    public async Task An_unknown_model_is_one_line_with_the_nearest_name(string verb)
    {
        var outcome = await RunAsync("models", verb, "mimi");

        Assert.Equal(1, outcome.ExitCode);
        var line = Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Matches("^error: .*mimi.*mini:latest", line);
    }

    [Fact]
    public async Task Ask_and_chat_use_a_gateway_that_runs()
    {
        var run = Run();

        var outcome = await run.RunAsync("ask", "Hi", "--seed", "4", "--system", "Be brief", "--stats");

        Assert.Equal((0, "Hello there\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.Contains("20 tokens in 2 s", outcome.Error);
        Assert.Empty(run.Engine.Asked);
        var request = Assert.Single(_gateway.Engine.Asked);
        Assert.Equal(4, request.Options.Seed);
        Assert.Equal(["Be brief", "Hi"], request.Messages.Select(m => m.Content));
    }

    [Fact]
    public async Task Ctrl_C_reaches_the_engine_of_the_gateway()
    {
        var run = Run();
        var stopped = new TaskCompletionSource();
        _gateway.Engine.Answer = (_, cancellationToken) =>
        {
            cancellationToken.Register(stopped.SetResult);
            return ScriptedEngine.SayAndHangAsync("Half", () => run.Interrupts.Raise(), cancellationToken);
        };

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal(130, outcome.ExitCode);
        await stopped.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    private Task<CliOutcome> RunAsync(params string[] args) => Run().RunAsync(args);

    private CliRun Run(bool terminal = false) => new() { Server = _gateway.Address, Terminal = terminal };

    private static string[] Plain(string text) =>
        System.Text.RegularExpressions.Regex.Replace(text, "\e\\[[0-9;]*m", "").ReplaceLineEndings("\n").Split('\n');
}
