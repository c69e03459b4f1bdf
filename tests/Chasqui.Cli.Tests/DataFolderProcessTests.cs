using System.Text.Json;
using Chasqui.Server;

namespace Chasqui.Cli.Tests;

/// <summary>The program and its data folder: one gateway each, and a home that cannot be written to.</summary>
public sealed class DataFolderProcessTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("chasqui data ");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task A_second_gateway_is_told_of_the_first_and_keys_say_who_follows_them()
    {
        await using var first = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--mcp", "off", "--json");
        var address = JsonElement.Parse((await first.Out.ReadLineAsync(Cancellation))!).GetProperty("listening")[0].GetString()!;
        var folder = Path.Combine(_home.FullName, ".chasqui");

        await using var second = ChasquiProcess.Start(_home.FullName, "--http", "127.0.0.1:0");
        Assert.Equal(1, await second.EndAsync());
        Assert.Matches($@"^error: a Chasqui is running already with the data folder {folder} \(process \d+, {address}\); stop it first, or choose other", Assert.Single(second.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));

        // The same port with another folder.
        await using var third = ChasquiProcess.Start(_home.FullName, "serve", "--http", new Uri(address).Authority, "--data", Path.Combine(_home.FullName, "other"));
        Assert.Equal(1, await third.EndAsync());
        Assert.StartsWith($"error: a Chasqui is running already at {address}: cannot listen on ", third.Error);

        // What only reads, or changes keys, needs no hold.
        await using var add = ChasquiProcess.Start(_home.FullName, "keys", "add", "laptop");
        Assert.Equal(0, await add.EndAsync());
        Assert.Matches($@"The gateway that uses {folder} follows within a second \(process \d+, {address}\)\.", add.Error);
        await using var elsewhere = ChasquiProcess.Start(_home.FullName, "keys", "add", "laptop", "--data", Path.Combine(_home.FullName, "elsewhere"));
        Assert.Equal(0, await elsewhere.EndAsync());
        Assert.Contains($"It is in {_home.FullName}/elsewhere, which no gateway uses now", elsewhere.Error);

        // The lock ends with the process, however that ends.
        await first.SignalAsync("KILL");
        await first.EndAsync();
        Assert.Null(GatewayLock.Find(folder));
        using var taken = GatewayLock.Take(folder);
        Assert.Equal(new GatewayProcess(0, []).ToString(), GatewayLock.Find(folder)!.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_server_without_a_scheme_is_spoken_to_in_what_its_port_speaks(int port)
    {
        await using var serve = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var address = new Uri(announced.GetProperty(port == 0 ? "listening" : "mcp")[0].GetString()!);

        await using var list = ChasquiProcess.StartIn(_home.FullName, new() { ["CHASQUI_SERVER"] = address.Authority }, "models", "list");

        Assert.StartsWith("mini:latest\t", await list.Out.ReadToEndAsync(Cancellation));
        Assert.Equal((0, ""), (await list.EndAsync(), list.Error));
    }

    [Fact]
    public async Task Without_the_embedded_engine_there_is_no_worker_and_no_mini_and_nodes_that_are_down_are_said_and_logged_once()
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "chasqui.json"), """
            { "Engine": { "Enabled": false }, "Routing": { "RefreshInterval": "100ms", "BreakerPause": "10ms" },
              "Nodes": [ { "Name": "gpu1", "Url": "http://127.0.0.1:1/v1" } ] }
            """, Cancellation);
        await using var serve = ChasquiProcess.Start(_home.FullName, "--http", "127.0.0.1:0", "--mcp", "off");
        var address = new Uri((await serve.Out.ReadLineAsync(Cancellation))!.Split(' ')[^1]);
        Assert.StartsWith("Node gpu1: down, ", await serve.Out.ReadLineAsync(Cancellation));
        Assert.StartsWith("No models: the embedded engine is off", await serve.Out.ReadLineAsync(Cancellation));
        Assert.Contains("Node gpu1 at http://127.0.0.1:1 is down: ", await serve.ErrorLineAsync("is down"));

        await using var ask = ChasquiProcess.Start(_home.FullName, "ask", "hi", "--server", address.ToString());
        ask.In.Close();
        Assert.Equal(1, await ask.EndAsync());
        Assert.StartsWith("error: all nodes are down (gpu1: ", ask.Error);
        await using var named = ChasquiProcess.Start(_home.FullName, "ask", "hi", "--model", "llama3", "--server", address.ToString());
        named.In.Close();
        Assert.Equal(1, await named.EndAsync());
        Assert.Contains("all nodes are down (gpu1: ", named.Error);
        await using var nodes = ChasquiProcess.Start(_home.FullName, "nodes", "--server", address.ToString());
        Assert.StartsWith("gpu1\t", await nodes.Out.ReadToEndAsync(Cancellation));
        Assert.Contains("All nodes are down.", nodes.Error);

        await serve.SignalAsync("TERM");
        Assert.Equal(0, await serve.EndAsync());
        Assert.Single(serve.Error.Split('\n'), line => line.Contains("is down", StringComparison.Ordinal));
        Assert.DoesNotContain("engine worker", serve.Error);
        // Lists and polls are no news; what was asked for is.
        Assert.DoesNotContain("GET /api/", serve.Error);
        Assert.Contains("POST /api/chat 503", serve.Error);
    }

    [Theory]
    [InlineData("/dev/null", "serve")]
    [InlineData("/no/such/home", "keys", "add", "laptop")]
    public async Task A_home_that_cannot_be_written_to_is_one_line_and_1(string home, params string[] verb)
    {
        Assert.SkipWhen(home != "/dev/null" && Environment.IsPrivilegedProcess, "root can make any folder");
        await using var run = ChasquiProcess.StartIn(_home.FullName, new() { ["HOME"] = home }, verb);

        Assert.Equal(1, await run.EndAsync());
        var line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"error: the data folder {home}/.chasqui cannot be used: ", line);
        Assert.EndsWith("; choose another with --data DIR or Data:Folder", line);
        Assert.Empty(Directory.GetFileSystemEntries(_home.FullName));
    }

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_one_line_and_1()
    {
        var file = Path.Combine(_home.FullName, "a file");
        await File.WriteAllTextAsync(file, "", Cancellation);

        await using var serve = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--data", file);

        Assert.Equal(1, await serve.EndAsync());
        var line = Assert.Single(serve.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(file, line);
        Assert.StartsWith("error: ", line);
    }
}
