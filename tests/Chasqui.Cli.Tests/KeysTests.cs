using System.Net;
using System.Text.Json;

namespace Chasqui.Cli.Tests;

/// <summary>The verbs of keys, over a data folder, and the key that other verbs show.</summary>
public sealed class KeysTests : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("chasqui keys ");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _data.Delete(recursive: true);

    [Fact]
    public async Task A_key_is_made_listed_and_removed()
    {
        var made = await RunAsync("keys", "add", "laptop");
        var second = await RunAsync(
            "keys", "add", "ci", "--tenant", "blue", "--weight", "2", "--priority", "batch", "--most-urgent", "normal", "--rpm", "60", "--burst", "5", "--tpm", "1000", "--token-burst", "50",
            "--models", "mini", "llama3*", "--models", "q:*", "--scopes", "infer,admin", "--expires", "30d");
        var list = await RunAsync("keys", "list");
        var removed = await RunAsync("keys", "rm", "laptop");
        var rest = await RunAsync("keys", "list", "--json");

        var where = $"It is in {_data.FullName}, which no gateway uses now; one with another data folder does not see it (--data DIR names that).\n";
        Assert.Equal((0, "Key laptop is made. Copy it now, it cannot be shown again:\n" + where), (made.ExitCode, made.Error.ReplaceLineEndings("\n")));
        // Alone, for a script that takes it.
        Assert.Matches("^chq_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}\n$", made.Out.ReplaceLineEndings("\n"));
        Assert.Equal(0, second.ExitCode);
        var lines = list.Out.ReplaceLineEndings("\n").Split('\n');
        Assert.Equal($"laptop\t{made.Out[4..16]}\tinfer\tall\tno limit\tno limit\t\tnever", lines[0]);
        Assert.Equal($"ci\t{second.Out[4..16]}\tinfer,admin\tmini llama3* q:*\t60\t1000\tblue\t2026-02-01T06:04:05Z", lines[1]);
        Assert.Equal((0, "laptop is removed.\nThe change is" + where["It is".Length..]), (removed.ExitCode, removed.Error.ReplaceLineEndings("\n")));
        var one = Assert.Single(JsonElement.Parse(rest.Out).EnumerateArray());
        Assert.Equal(("ci", "blue", 2, 60, 5), (one.GetProperty("name").GetString(), one.GetProperty("tenant").GetString(), one.GetProperty("weight").GetDouble(),
            one.GetProperty("requests_per_minute").GetInt32(), one.GetProperty("request_burst").GetInt32()));
        var secret = second.Out.Trim()[17..];
        Assert.False(one.TryGetProperty("hash", out _));
        Assert.DoesNotContain(secret, rest.Out + list.Out + await File.ReadAllTextAsync(Path.Combine(_data.FullName, "keys.json"), Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task For_scripts_all_is_JSON()
    {
        var made = JsonElement.Parse((await RunAsync("keys", "add", "a", "--json")).Out);
        var removed = await RunAsync("keys", "rm", made.GetProperty("id").GetString()!, "--json");

        Assert.StartsWith($"chq_{made.GetProperty("id").GetString()}_", made.GetProperty("key").GetString(), StringComparison.Ordinal);
        Assert.Equal("a", made.GetProperty("name").GetString());
        Assert.Equal("2026-01-02T06:04:05+00:00", made.GetProperty("created").GetString());
        Assert.Equal(made.GetProperty("id").GetString(), JsonElement.Parse(removed.Out).GetProperty("removed").GetString());
        Assert.Equal("[]", (await RunAsync("keys", "list", "--json")).Out.Trim());
        Assert.Contains("There are no more keys.", removed.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--weight", "0", "a number from 0.01 to 1000")]
    [InlineData("--priority", "urgent", "interactive, normal or batch")]
    [InlineData("--most-urgent", "x", "interactive, normal or batch")]
    [InlineData("--rpm", "-1", "a whole number from 0 to 1000000000")]
    [InlineData("--burst", "0", "a whole number from 1 to 1000000000")]
    [InlineData("--concurrent", "0", "a whole number from 1 to 1000000")]
    [InlineData("--tpm", "many", "a whole number from 0 to 1000000000")]
    [InlineData("--models", "a b", "a pattern of models' names, such as llama3* or mini, without white space")]
    [InlineData("--scopes", "infer,root", "of infer, models or admin, with commas between")]
    [InlineData("--expires", "2020-13-01", "a time such as 2027-01-31 or 2027-01-31T12:00:00Z")]
    [InlineData("--expires", "soon", "a time like 30s, 10m, 1h30m or forever")]
    [InlineData("--tenant", "", "1 to 100 characters without control characters")]
    public async Task What_is_wrong_is_named_and_makes_no_key(string option, string value, string expected)
    {
        var outcome = await RunAsync("keys", "add", "a", option, value);

        Assert.Equal((2, $"error: {option} is '{value}', but must be {expected}\n"), (outcome.ExitCode, outcome.Error.ReplaceLineEndings("\n")));
        Assert.Empty(outcome.Out);
        Assert.Equal("[]", (await RunAsync("keys", "list", "--json")).Out.Trim());
    }

    [Fact]
    public async Task Names_are_had_once_and_only_what_is_there_is_removed()
    {
        await RunAsync("keys", "add", "a");
        var again = await RunAsync("keys", "add", "a");
        var past = await RunAsync("keys", "add", "b", "--expires", "2020-01-01");
        var missing = await RunAsync("keys", "rm", "a", "nobody");

        Assert.Equal(1, again.ExitCode);
        Assert.Contains("there is a key 'a' already", again.Error, StringComparison.Ordinal);
        // The same folder is meant, and has a space.
        Assert.Contains($"remove it with 'chasqui keys rm a --data \"{_data.FullName}\"'", again.Error, StringComparison.Ordinal);
        Assert.Equal((2, 1), (past.ExitCode, missing.ExitCode));
        Assert.Contains("there is no key 'nobody'; there are a", missing.Error, StringComparison.Ordinal);
        Assert.Single(JsonElement.Parse((await RunAsync("keys", "list", "--json")).Out).EnumerateArray());
    }

    [Fact]
    public async Task Keys_of_nodes_need_not_be_set_for_the_keys_of_the_gateway()
    {
        var file = Path.Combine(_data.FullName, "c.json");
        var data = Path.Combine(_data.FullName, "data");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
        {
            Data = new { Folder = data },
            Nodes = new[] { new { Url = "http://127.0.0.1:1", ApiKey = "env:CHASQUI_TEST_KEY_THAT_IS_NOT_SET" } },
        }), Cancellation);

        foreach (var verb in new string[][] { ["keys", "add", "a"], ["keys", "list"], ["keys", "rm", "a"] })
            Assert.Equal(0, (await new CliRun().RunAsync([.. verb, "--config", file])).ExitCode);
        var check = await new CliRun { Serve = new LocalGateway() }.RunAsync("serve", "--check", "--config", file);

        Assert.True(File.Exists(Path.Combine(data, "keys.json")));
        Assert.Equal(1, check.ExitCode);
        Assert.Contains("CHASQUI_TEST_KEY_THAT_IS_NOT_SET is not set", check.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_is_named_and_left_as_it_is()
    {
        var path = Path.Combine(_data.FullName, "keys.json");
        await File.WriteAllTextAsync(path, "{\n  \"version\": 1,\n  oops", Cancellation);

        foreach (var verb in new string[][] { ["keys", "list"], ["keys", "add", "a"], ["keys", "rm", "a"] })
        {
            var outcome = await RunAsync(verb);
            Assert.Equal(1, outcome.ExitCode);
            Assert.StartsWith($"error: {path} line 3: is no file of keys: ", outcome.Error, StringComparison.Ordinal);
        }
        Assert.EndsWith("oops", await File.ReadAllTextAsync(path, Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task Other_verbs_show_the_key_of_the_option_or_of_the_environment(string scheme)
    {
        await using var gateway = await HttpGateway.StartAsync(new ScriptedEngine());
        var key = (await new CliRun().RunAsync("keys", "add", "a", "--data", gateway.Data)).Out.Trim();
        var server = scheme == "http" ? gateway.Address : new Uri($"ws://{gateway.Address.Authority}/ws");
        // The gateway follows within a second.
        using var http = new HttpClient();
        while ((await http.GetAsync(new Uri(gateway.Address, "api/tags"), Cancellation)).StatusCode != HttpStatusCode.Unauthorized)
            await Task.Yield();

        var option = await new CliRun { Server = server }.RunAsync("ask", "Hello", "--key", key);
        var environment = await new CliRun { Server = server, Environment = { ["CHASQUI_KEY"] = key } }.RunAsync("models", "list");
        var none = await new CliRun { Server = server }.RunAsync("ask", "Hello");
        var wrong = await new CliRun { Server = server, Environment = { ["CHASQUI_KEY"] = "chq_x" } }.RunAsync("models", "ps");
        var beyond = await new CliRun { Server = server, Environment = { ["CHASQUI_KEY"] = key } }.RunAsync("nodes");
        var odd = await new CliRun { Server = server }.RunAsync("ask", "Hello", "--key", "ключ");

        Assert.Equal((0, 0), (option.ExitCode, environment.ExitCode));
        Assert.Equal((1, 1, 1, 2), (none.ExitCode, wrong.ExitCode, beyond.ExitCode, odd.ExitCode));
        Assert.Contains("key", none.Error, StringComparison.Ordinal);
        Assert.Contains(scheme == "http" ? "it is wrong, was removed, or has expired" : "CHASQUI_KEY or --key", wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("chq_x", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_at_a_time_that_the_command_line_sets_hold_over_HTTP_and_MCP()
    {
        var engine = new ScriptedEngine { Answer = (_, token) => ScriptedEngine.SayAndHangAsync("Hello", () => { }, token) };
        var key = "";
        await using var gateway = await HttpGateway.StartAsync(
            engine, async data => key = (await new CliRun().RunAsync("keys", "add", "a", "--concurrent", "1", "--data", data)).Out.Trim());
        using var http = new HttpClient { BaseAddress = gateway.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        using var first = await AskAsync();

        using var second = await AskAsync();
        var overHttp = await new CliRun { Server = gateway.Address }.RunAsync("ask", "Hello", "--key", key);
        var overMcp = await new CliRun { Server = new Uri($"ws://{gateway.Address.Authority}/ws") }.RunAsync("ask", "Hello", "--key", key);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.TooManyRequests), (first.StatusCode, second.StatusCode));
        foreach (var refused in new[] { overHttp, overMcp })
        {
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("key \"a\" has 1 requests under way, the most at a time (of the key)", refused.Error, StringComparison.Ordinal);
        }
        var kept = JsonElement.Parse(await File.ReadAllTextAsync(Path.Combine(gateway.Data, "keys.json"), Cancellation)).GetProperty("keys")[0];
        Assert.Equal(1, kept.GetProperty("concurrency").GetInt32());

        Task<HttpResponseMessage> AskAsync() => http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "api/chat") { Content = new StringContent("""{"model":"mini","messages":[{"role":"user","content":"x"}]}""") },
            HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }

    private Task<CliOutcome> RunAsync(params string[] args) => new CliRun().RunAsync([.. args, "--data", _data.FullName]);
}
