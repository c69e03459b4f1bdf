using System.Net;
using System.Text.Json;
using Chasqui.Engines.Tests.Models.Managed;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;

namespace Chasqui.Cli.Tests;

/// <summary>The verbs that change models, against a real gateway over HTTP and over MCP, and against the engine in this process.</summary>
public sealed class ManageTests : IAsyncLifetime
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("chasqui-cli-");
    private RegistryDouble _registry = null!;
    private WebApplication _gateway = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Gguf => Path.Combine(_data.FullName, "models", "mini.gguf");

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Gguf)!);
        File.Copy("mini.gguf", Gguf);
        _registry = await RegistryDouble.StartAsync();
        _gateway = GatewayHost.Build(new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Models = new ModelOptions { Folders = [Path.GetDirectoryName(Gguf)!], OllamaStore = "", Registries = ["127.0.0.1:*"] },
            Data = new DataOptions { Folder = _data.FullName },
        });
        await _gateway.StartAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.StopAsync(CancellationToken.None);
        await _gateway.DisposeAsync();
        await _registry.DisposeAsync();
        _data.Delete(recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_model_is_pulled_copied_pushed_made_and_removed(bool wire)
    {
        var digest = _registry.Add("library/small", "1", await File.ReadAllBytesAsync(Gguf, Token));
        var name = $"{_registry.Authority}/library/small:1";
        var template = Path.Combine(_data.FullName, "t.tmpl");
        await File.WriteAllTextAsync(template, "{{ .Prompt }}!", Token);

        var pull = await RunAsync(wire, "models", "pull", name, "--insecure");
        var copy = await RunAsync(wire, "models", "cp", name, $"{_registry.Authority}/me/other");
        var push = await RunAsync(wire, "models", "push", $"{_registry.Authority}/me/other", "--insecure", "--json");
        var create = await RunAsync(
            wire, "models", "create", "kind", "--from", name, "--system", "Be kind.", "--template", template, "--param", "seed=3", "--param", "stop=a", "--param", "stop=b");
        var file = await RunAsync(wire, "models", "create", "mine", "--gguf", Gguf);
        var show = await RunAsync(wire, "models", "show", "kind", "--json");
        var remove = await RunAsync(wire, "models", "rm", "kind", "mine", "--json");
        var list = await RunAsync(wire, "models", "list");

        Assert.Equal((0, ""), (pull.ExitCode, pull.Out));
        Assert.Contains("pulling manifest\n", pull.Error);
        Assert.Contains($"pulling {digest[7..19]} (1.0 MB)\n", pull.Error);
        Assert.EndsWith($"success\n{name} is there.\n", pull.Error);
        Assert.Equal((0, 0, 0, 0), (copy.ExitCode, push.ExitCode, create.ExitCode, file.ExitCode));
        Assert.Equal("success", JsonElement.Parse(push.Out.Trim().Split('\n')[^1]).GetProperty("status").GetString());
        var shown = JsonElement.Parse(show.Out);
        Assert.Equal(("Be kind.", "{{ .Prompt }}!"), (shown.GetProperty("system").GetString(), shown.GetProperty("template").GetString()));
        Assert.Contains("seed", show.Out);
        Assert.Equal(0, remove.ExitCode);
        Assert.Contains("\"removed\": true", remove.Out);
        Assert.Equal(["mini:latest", $"{_registry.Authority}/me/other:latest", name], list.Out.Trim().Split('\n').Select(line => line.Split('\t')[0]).OrderByDescending(n => n, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_goes_wrong_is_one_line(bool wire)
    {
        var read = await RunAsync(wire, "models", "rm", "mini");
        var none = await RunAsync(wire, "models", "cp", "nope", "x");
        var missing = await RunAsync(wire, "models", "pull", $"http://{_registry.Authority}/library/none");
        var neither = await RunAsync(wire, "models", "create", "x");
        var param = await RunAsync(wire, "models", "create", "x", "--from", "mini", "--param", "hot");
        var lost = await RunAsync(wire, "models", "create", "x", "--gguf", Gguf + ".no");

        Assert.Equal((1, 1, 1, 2, 2, 2), (read.ExitCode, none.ExitCode, missing.ExitCode, neither.ExitCode, param.ExitCode, lost.ExitCode));
        Assert.Contains("in a folder that is only read", Assert.Single(Lines(read.Error)));
        Assert.Contains("not found", Assert.Single(Lines(none.Error)));
        // Over MCP that it is not there is the whole answer.
        Assert.Equal(wire ? ["error: pull model manifest: file does not exist"] : ["pulling manifest", "error: pull model manifest: file does not exist"], Lines(missing.Error));
        Assert.Contains("--from MODEL, or --gguf FILE", Assert.Single(Lines(neither.Error)));
        Assert.Contains("NAME=VALUE", Assert.Single(Lines(param.Error)));
        Assert.Contains("cannot be read", Assert.Single(Lines(lost.Error)));
    }

    [Fact]
    public async Task On_a_terminal_there_are_bars()
    {
        _registry.Add("library/small", "1", await File.ReadAllBytesAsync(Gguf, Token));

        var run = new CliRun { Server = GatewayHost.Addresses(_gateway)[0], Terminal = true };
        var outcome = await run.RunAsync("models", "pull", $"http://{_registry.Authority}/library/small:1", "--no-color");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("100%", outcome.Error);
        Assert.Contains("is there.", outcome.Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ctrl_C_ends_a_pull(bool wire)
    {
        var digest = _registry.Add("library/small", "1", await File.ReadAllBytesAsync(Gguf, Token));
        var run = Run(wire);
        var gone = new TaskCompletionSource();
        _registry.Between = async (blob, _, cancelled) =>
        {
            if (blob != digest)
                return;
            run.Interrupts.Raise();
            using var registration = cancelled.Register(gone.SetResult);
            await gone.Task;
        };

        var outcome = await run.RunAsync("models", "pull", $"http://{_registry.Authority}/library/small:1");

        Assert.Equal(130, outcome.ExitCode);
        await gone.Task.WaitAsync(Token);
    }

    [Fact]
    public async Task Without_a_gateway_a_node_cannot_be_named()
    {
        var outcome = await new CliRun().RunAsync("models", "rm", "mini", "--node", "a");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("--node needs a gateway", outcome.Error);
    }

    private Task<CliOutcome> RunAsync(bool wire, params string[] args) => Run(wire).RunAsync(args);

    private CliRun Run(bool wire) => new() { Server = wire ? new Uri(GatewayHost.WireAddresses(_gateway)[0]) : GatewayHost.Addresses(_gateway)[0] };

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
