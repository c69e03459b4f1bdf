using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Chasqui.Client;

namespace Chasqui.Cli.Tests;

/// <summary>The program itself, over the shipped model.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("chasqui cli ");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task Serve_says_where_it_listens_and_drains_on_SIGTERM()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        var address = await AddressAsync(serve);
        using var http = new HttpClient { BaseAddress = address };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("healthz", Cancellation)).StatusCode);

        // An answer that has begun when the signal comes.
        using var response = await http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "api/generate")
            {
                Content = JsonContent.Create(new { model = "mini", prompt = "Once upon a time", options = new { num_predict = 400, seed = 1 } }),
            },
            HttpCompletionOption.ResponseHeadersRead,
            Cancellation);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        var last = await lines.ReadLineAsync(Cancellation);
        await serve.SignalAsync("TERM");
        while (await lines.ReadLineAsync(Cancellation) is { } line)
            last = line;

        Assert.True(JsonElement.Parse(last!).GetProperty("done").GetBoolean());
        Assert.Equal(0, await serve.EndAsync());
        Assert.Contains("Stopping.", serve.Error);
        Assert.EndsWith("Stopped.\n", serve.Error.ReplaceLineEndings("\n"));
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync("healthz", Cancellation));
    }

    [Fact]
    public async Task Models_that_are_made_changed_and_removed_are_seen_by_the_worker_at_once()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        using var http = new HttpClient { BaseAddress = await AddressAsync(serve) };
        Assert.Equal(HttpStatusCode.NotFound, await GenerateAsync());

        await CreateAsync("Be kind.");
        Assert.Equal(HttpStatusCode.OK, await GenerateAsync());
        Assert.Equal("Be kind.", await SystemAsync());
        await CreateAsync("Be calm.");
        Assert.Equal("Be calm.", await SystemAsync());
        using var removed = await http.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "api/delete") { Content = JsonContent.Create(new { model = "kind" }) }, Cancellation);

        Assert.Equal(HttpStatusCode.OK, removed.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, await GenerateAsync());
        Assert.Contains("kind:latest", await http.GetStringAsync(new Uri("api/ps", UriKind.Relative), Cancellation));

        async Task CreateAsync(string system)
        {
            using var made = await http.PostAsJsonAsync("api/create", new { model = "kind", from = "mini", system, stream = false }, Cancellation);
            Assert.Equal("{\"status\":\"success\"}", await made.Content.ReadAsStringAsync(Cancellation));
        }

        async Task<HttpStatusCode> GenerateAsync()
        {
            using var answer = await http.PostAsJsonAsync("api/generate", new { model = "kind", prompt = "Hi", stream = false, options = new { num_predict = 2 } }, Cancellation);
            return answer.StatusCode;
        }

        async Task<string?> SystemAsync()
        {
            using var shown = await http.PostAsJsonAsync("api/show", new { model = "kind" }, Cancellation);
            return JsonElement.Parse(await shown.Content.ReadAsStringAsync(Cancellation)).GetProperty("system").GetString();
        }
    }

    [Fact]
    public async Task Serve_shows_a_curl_and_ends_with_0_on_Ctrl_C()
    {
        Assert.SkipWhen(IsInterruptIgnored(), "SIGINT is ignored where the tests run, and a process inherits that");
        await using var serve = Start("serve", "--http", "127.0.0.1:0");

        var address = await AddressAsync(serve);
        Assert.StartsWith("MCP on tcp://127.0.0.1:", await serve.Out.ReadLineAsync(Cancellation));
        Assert.StartsWith("Models: mini:latest (", await serve.Out.ReadLineAsync(Cancellation));
        await serve.Out.ReadLineAsync(Cancellation);
        Assert.Equal($"  curl {address.GetLeftPart(UriPartial.Authority)}/api/generate -d '{{\"model\":\"mini\",\"prompt\":\"Once upon a time\"}}'",
            await serve.Out.ReadLineAsync(Cancellation));
        await serve.Out.ReadLineAsync(Cancellation);
        await serve.SignalAsync("INT");

        Assert.Equal(0, await serve.EndAsync());
    }

    [Fact]
    public async Task A_second_signal_stops_at_once()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        var address = await AddressAsync(serve);
        // A request whose body never comes would keep the drain waiting for its whole time.
        using var client = new TcpClient(address.Host, address.Port);
        await client.Client.SendAsync(
            "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"u8.ToArray(), Cancellation);
        var continued = new byte[64];
        Assert.NotEqual(0, await client.Client.ReceiveAsync(continued, Cancellation));

        await serve.SignalAsync("TERM");
        await serve.ErrorLineAsync("Stopping.");
        await serve.SignalAsync("TERM");

        Assert.Equal(130, await serve.EndAsync());
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_and_1()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        await using var serve = Start("serve", "--http", taken.LocalEndpoint.ToString()!);

        Assert.Equal(1, await serve.EndAsync());
        var line = Assert.Single(serve.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Matches($"^error: cannot listen on {taken.LocalEndpoint}: .*in use", line);
    }

    [Theory]
    [InlineData("""{"Htp":{"Endpoints":["127.0.0.1:0"]}}""", "Htp")]
    [InlineData("""{"Http":{"Endpoints":["nowhere"]}}""", "nowhere")]
    [InlineData("{", "chasqui.json")]
    public async Task A_wrong_configuration_is_one_line_and_1(string json, string named)
    {
        await File.WriteAllTextAsync(Path.Combine(_home.FullName, "chasqui.json"), json, Cancellation);

        await using var serve = Start("serve");

        Assert.Equal(1, await serve.EndAsync());
        var line = Assert.Single(serve.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: ", line);
        Assert.Contains(named, line);
    }

    [Fact]
    public async Task Ask_talks_to_a_gateway_and_leaves_it_its_model()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var server = announced.GetProperty("listening")[0].GetString()!;
        Assert.Equal("mini:latest", announced.GetProperty("models")[0].GetString());

        await using var ask = Start("ask", "--server", server, "--seed", "7", "--json", "Tell me a story");
        ask.In.Close();
        var answer = JsonElement.Parse(await ask.Out.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await ask.EndAsync());
        Assert.Equal("stop", answer.GetProperty("done_reason").GetString());
        Assert.NotEmpty(answer.GetProperty("text").GetString()!);

        await using var resident = Start("models", "ps", "--server", server);
        Assert.StartsWith("mini:latest\t", await resident.Out.ReadToEndAsync(Cancellation));
        Assert.Equal(0, await resident.EndAsync());
    }

    [Fact]
    public async Task Ask_and_models_work_over_every_transport()
    {
        var socket = Path.Combine(_home.FullName, "mcp.sock");
        var certificate = Certificates.Write(_home.FullName);
        await File.WriteAllTextAsync(
            Path.Combine(_home.FullName, "chasqui.json"),
            JsonSerializer.Serialize(new
            {
                Http = new { Endpoints = new[] { "127.0.0.1:0" } },
                Mcp = new { Listen = new[] { "127.0.0.1:0", "tls://127.0.0.1:0", "unix:" + socket }, Certificate = certificate },
            }),
            Cancellation);
        await using var serve = Start("serve", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var http = announced.GetProperty("listening")[0].GetString()!;
        var servers = announced.GetProperty("mcp").EnumerateArray().Select(address => address.GetString()!).Append(http.Replace("http:", "ws:", StringComparison.Ordinal) + "/ws");

        Assert.Equal(3, announced.GetProperty("mcp").GetArrayLength());
        foreach (var server in servers)
        {
            await using var list = ChasquiProcess.StartTrusting(_home.FullName, certificate, "models", "list", "--server", server);
            Assert.StartsWith("mini:latest\t", await list.Out.ReadToEndAsync(Cancellation));
            Assert.Equal((0, ""), (await list.EndAsync(), list.Error));
            await using var ask = ChasquiProcess.StartTrusting(_home.FullName, certificate, "ask", "--server", server, "--seed", "7", "Tell me a story");
            ask.In.Close();
            Assert.NotEmpty(await ask.Out.ReadToEndAsync(Cancellation));
            Assert.Equal((0, ""), (await ask.EndAsync(), ask.Error));
        }

        // Who does not know the certificate is told so.
        await using var stranger = Start("models", "list", "--server", servers.First(s => s.StartsWith("tls:", StringComparison.Ordinal)));
        Assert.Equal(3, await stranger.EndAsync());
        Assert.Contains("certificate", stranger.Error);
    }

    [Fact]
    public async Task A_worker_that_is_killed_ends_streams_that_shall_not_go_on_with_an_error_and_those_that_wait_are_served_by_the_next()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse((await serve.Out.ReadLineAsync(Cancellation))!);
        var worker = await serve.ErrorLineAsync("engine worker ");
        await using var client = new ChasquiClient(announced.GetProperty("mcp")[0].GetString()!);
        // None of them may end by itself before the worker is killed.
        const string manyNumbers = """{ "type": "array", "items": { "type": "integer" }, "minItems": 1000 }""";
        var request = new Protocol.Messages.GenerateRequest
        {
            Model = "mini",
            Prompt = "List numbers",
            Common = new() { Format = manyNumbers, NoContinue = true, Options = new() { NumPredict = 100_000 } },
        };
        var begun = new CountdownEvent(16);
        var begunAgain = new CountdownEvent(16);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        var streams = Enumerable.Range(0, 32).Select(async _ =>
        {
            var first = true;
            try
            {
                await foreach (var update in client.GenerateAsync(request, cancellationToken: enough.Token))
                {
                    if (first && update.Text.Length > 0)
                    {
                        first = false;
                        (begun.IsSet ? begunAgain : begun).Signal();
                    }
                }

                return null;
            }
            catch (ClientException e)
            {
                return e;
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested)
            {
                return null;
            }
        }).ToList();
        Assert.True(await Task.Run(() => begun.Wait(TimeSpan.FromSeconds(30), Cancellation), Cancellation));
        using (var kill = System.Diagnostics.Process.Start("kill", ["-KILL", System.Text.RegularExpressions.Regex.Match(worker, "engine worker ([0-9]+)").Groups[1].Value]))
            await kill.WaitForExitAsync(Cancellation);

        // Those that had a slot have lost it; those that waited for one get it from the worker that is started instead.
        Assert.True(await Task.Run(() => begunAgain.Wait(TimeSpan.FromSeconds(30), Cancellation), Cancellation));
        await enough.CancelAsync();
        var errors = (await Task.WhenAll(streams).WaitAsync(TimeSpan.FromSeconds(30), Cancellation)).OfType<ClientException>().ToList();
        Assert.Equal(16, errors.Count);
        Assert.All(errors, error => Assert.True(error is { Error.Code: "engine_failed" } && error.Message.Contains("worker process died", StringComparison.Ordinal), error.ToString()));

        // The gateway itself lives, and so does the connection.
        request.Common = new() { Options = new() { NumPredict = 5 } };
        var answer = new List<Protocol.Messages.GenerationUpdate>();
        await foreach (var update in client.GenerateAsync(request, cancellationToken: Cancellation))
            answer.Add(update);
        Assert.NotNull(answer[^1].Result);
        Assert.Equal(1, client.Connections);
        await serve.ErrorLineAsync("killed by signal 9");
        await serve.ErrorLineAsync("MCP generate 200 ");
        Assert.Contains("MCP generate EngineFailed ", serve.Error);
        Assert.DoesNotContain("worker: MCP", serve.Error);
    }

    [Fact]
    public async Task A_configuration_that_becomes_wrong_is_refused_and_keeps_no_worker_from_starting()
    {
        var file = Path.Combine(_home.FullName, "chasqui.json");
        await File.WriteAllTextAsync(file, """{ "Models": { "Deny": ["x"] } }""", Cancellation);
        await using var serve = Start("serve", "--http", "127.0.0.1:0", "--mcp", "off");
        var address = await AddressAsync(serve);
        var worker = System.Text.RegularExpressions.Regex.Match(await serve.ErrorLineAsync("engine worker "), "engine worker ([0-9]+)").Groups[1].Value;

        await File.WriteAllTextAsync(file, "{ \"Models\": {\n \"Dney\": [\"x\"] } }", Cancellation);
        await serve.SignalAsync("HUP");
        Assert.Contains("chasqui.json line 2: \"Models:Dney:0\" is unknown; the nearest is \"Models:Deny\"", await serve.ErrorLineAsync("is refused"), StringComparison.Ordinal);

        using (var kill = System.Diagnostics.Process.Start("kill", ["-KILL", worker]))
            await kill.WaitForExitAsync(Cancellation);
        await serve.ErrorLineAsync("killed by signal 9");
        await using var list = Start("models", "list", "--server", address.ToString());
        Assert.StartsWith("mini:latest\t", await list.Out.ReadToEndAsync(Cancellation), StringComparison.Ordinal);
        await serve.SignalAsync("TERM");
        Assert.Equal(0, await serve.EndAsync());
    }

    [Fact]
    public async Task A_worker_ends_with_its_gateway_however_that_ends()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0", "--json");
        await serve.Out.ReadLineAsync(Cancellation);
        var id = int.Parse(
            System.Text.RegularExpressions.Regex.Match(await serve.ErrorLineAsync("engine worker "), "engine worker ([0-9]+)").Groups[1].Value,
            System.Globalization.CultureInfo.InvariantCulture);
        using var worker = System.Diagnostics.Process.GetProcessById(id);

        await serve.SignalAsync("KILL");

        await worker.WaitForExitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task The_engine_alone_serves_a_gateways_operations_over_TCP()
    {
        await using var engine = Start("engine", "--listen", "127.0.0.1:0");
        var said = await engine.ErrorLineAsync("The engine is listening on ");

        await using var list = Start("models", "list", "--server", said[(said.LastIndexOf(' ') + 1)..]);
        Assert.StartsWith("mini:latest\t", await list.Out.ReadToEndAsync(Cancellation));
        await engine.SignalAsync("TERM");

        Assert.Equal(0, await engine.EndAsync());
    }

    [Fact]
    public async Task Ctrl_C_ends_a_wait_for_standard_input_with_130()
    {
        Assert.SkipWhen(IsInterruptIgnored(), "SIGINT is ignored where the tests run, and a process inherits that");
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        var address = await AddressAsync(serve);
        // The first turn shows that the program runs, and with it its handling of signals.
        await using var chat = Start("chat", "--server", address.ToString(), "--json");
        await chat.In.WriteLineAsync("Hello");
        await chat.In.FlushAsync(Cancellation);
        Assert.NotNull(await chat.Out.ReadLineAsync(Cancellation));

        await chat.SignalAsync("INT");

        Assert.Equal(130, await chat.EndAsync());
    }

    [Fact]
    public async Task A_reader_that_leaves_early_ends_the_answer_quietly()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        var address = await AddressAsync(serve);
        await using var ask = Start("ask", "--server", address.ToString(), "--num-predict", "100000", "--format", "json", "List numbers");
        ask.In.Close();

        Assert.NotEqual(-1, ask.Out.Read());
        ask.Out.Dispose();

        Assert.Equal(0, await ask.EndAsync());
        Assert.Empty(ask.Error);
    }

    [Fact]
    public async Task Models_are_listed_without_a_gateway()
    {
        await using var list = Start("models", "list");
        var text = await list.Out.ReadToEndAsync(Cancellation);

        Assert.Equal(0, await list.EndAsync());
        Assert.Contains("mini:latest\t", text);
    }

    [Fact]
    public async Task The_scenarios_of_the_bench_are_there()
    {
        await using var bench = Start("bench");
        var text = await bench.Out.ReadToEndAsync(Cancellation);

        Assert.Equal(0, await bench.EndAsync());
        Assert.StartsWith("engine\t", text);
    }

    private ChasquiProcess Start(params string[] args) => ChasquiProcess.Start(_home.FullName, args);

    private static async Task<Uri> AddressAsync(ChasquiProcess serve)
    {
        var line = await serve.Out.ReadLineAsync(Cancellation);
        Assert.True(line is not null, serve.Error);
        Assert.Contains("is listening on http://127.0.0.1:", line);
        return new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]);
    }

    /// <summary>Shells start background jobs so.</summary>
    private static bool IsInterruptIgnored()
    {
        const string status = "/proc/self/status";
        const int interrupt = 2;
        if (!File.Exists(status))
            return false;
        var mask = File.ReadLines(status).First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:".Length..].Trim();
        return (Convert.ToUInt64(mask, 16) & (1UL << (interrupt - 1))) != 0;
    }
}
