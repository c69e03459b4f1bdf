using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text;
using Chasqui.Client;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>The MCP side of a gateway over a scripted engine: what is wrong, slow, or stops.</summary>
public sealed class WireGatewayTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);
    private static readonly Messages.GenerateRequest _request = new() { Model = "m", Prompt = "x" };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, "", false, 404, "invalid_request", "no field \"op\"")]
    [InlineData("nonsense", "", false, 404, "invalid_request", "op \"nonsense\" is not known")]
    [InlineData("generate", "", true, 400, "invalid_request", "model is required")]
    [InlineData("generate", "\u0001\u0002\u0003", true, 400, "invalid_request", "no GenerateRequest")]
    [InlineData("http", "", true, 400, "invalid_request", "needs the field path")]
    [InlineData("channel.subscribe", "\n\u0002A!", true, 400, "invalid_request", "a-z 0-9")]
    [InlineData("channel.publish", "\n\u0006models", true, 400, "invalid_request", "only the gateway")]
    public async Task A_wrong_request_is_answered_with_what_is_wrong(string? op, string body, bool hasMessage, int status, string code, string said)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);
        var headers = new HeaderList();
        if (op is not null)
            headers.Add("op", op);

        await using var call = await connection.StartAsync(headers, Encoding.UTF8.GetBytes(body), end: hasMessage, ct: Cancellation);
        if (!hasMessage)
            await call.CompleteAsync();
        var answer = await call.GetResponseAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation);
        using var message = await call.ReadAsync(Cancellation) ?? throw new InvalidOperationException("no message");
        var error = Messages.Error.Parser.ParseFrom(message.Body.Span);

        Assert.Equal((status.ToString(System.Globalization.CultureInfo.InvariantCulture), code), (answer["status"], error.Code));
        Assert.Contains(said, error.Message);
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("0")]
    [InlineData("86400001")]
    public async Task A_wrong_deadline_is_refused(string deadline)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);

        using var reply = await connection.CallAsync(new HeaderList().Add("op", "server.info").Add("deadline-ms", deadline), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal("400", reply.Headers["status"]);
        Assert.Contains("1 to 86400000", Messages.Error.Parser.ParseFrom(reply.Body.Span).Message);
    }

    [Fact]
    public async Task An_engine_that_hangs_is_told_of_a_cancel_and_of_a_deadline()
    {
        var cancelled = new SemaphoreSlim(0);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => HangAsync(cancelled, token) });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GenerateAsync(_request, cancellationToken: source.Token))
                await source.CancelAsync();
        });
        Assert.True(await cancelled.WaitAsync(_limit, Cancellation));

        var error = await Assert.ThrowsAsync<ClientException>(
            async () => await DrainAsync(client.GenerateAsync(_request, new CallOptions { Deadline = TimeSpan.FromMilliseconds(200) }, Cancellation)));
        Assert.Equal("deadline", error.Error.Code);
        Assert.True(await cancelled.WaitAsync(_limit, Cancellation));

        // Leaving the loop is enough.
        await foreach (var _ in client.GenerateAsync(_request, cancellationToken: Cancellation))
            break;
        Assert.True(await cancelled.WaitAsync(_limit, Cancellation));
    }

    [Theory]
    [InlineData(false, "engine_failed")]
    [InlineData(true, "internal")]
    public async Task A_failure_in_the_middle_ends_the_stream_with_its_reason(bool unforeseen, string code)
    {
        Exception failure = unforeseen ? new InvalidOperationException("a secret") : new EngineFailedException("it broke");
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync(["a", "b"], failure, token) });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var seen = new StringBuilder();

        var error = await Assert.ThrowsAsync<ClientException>(async () =>
        {
            await foreach (var update in client.GenerateAsync(_request, cancellationToken: Cancellation))
                seen.Append(update.Text);
        });

        Assert.Equal(("ab", code), (seen.ToString(), error.Error.Code));
        Assert.DoesNotContain("secret", error.Message);
    }

    [Fact]
    public async Task A_stop_lets_running_streams_end_and_refuses_new_ones()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => GatedAsync(go.Task, token) });
        await using var connection = await ConnectAsync(gateway);
        await using var call = await connection.StartAsync(new HeaderList().Add("op", "generate"), Google.Protobuf.MessageExtensions.ToByteArray(_request), end: true, ct: Cancellation);
        await call.GetResponseAsync(Cancellation);

        var stop = gateway.App.StopAsync(Cancellation);
        await WaitUntilAsync(() => !connection.IsHealthy);
        await Assert.ThrowsAsync<ConnectionClosedException>(async () => await connection.CallAsync(new HeaderList().Add("op", "server.info"), Array.Empty<byte>(), ct: Cancellation));
        go.SetResult();
        var messages = 0;
        await foreach (var message in call.ReadAllAsync(Cancellation))
        {
            messages++;
            message.Dispose();
        }

        Assert.Equal(3, messages);
        var reason = await connection.Closed.WaitAsync(_limit, Cancellation);
        Assert.Equal(ErrorCode.NoError, reason.Code);
        await stop.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task A_slow_subscriber_is_told_what_it_missed()
    {
        var hub = new ChannelHub();
        using var subscription = hub.Subscribe("news");
        const int sent = ChannelHub.Buffer + 44;
        for (var i = 0; i < sent; i++)
            Assert.Equal(((ulong)i + 1, 1), hub.Publish("news", "text/plain", Google.Protobuf.ByteString.CopyFromUtf8($"{i}")));

        var got = new List<Messages.ChannelEvent>();
        await foreach (var next in subscription.ReadAllAsync(Cancellation))
        {
            got.Add(next);
            if (next.Number == sent)
                break;
        }

        Assert.Equal(ChannelHub.Buffer, got.Count);
        Assert.Equal(44UL, got[0].Missed);
        Assert.All(got.Skip(1), e => Assert.Equal(0UL, e.Missed));
        Assert.Equal($"{sent - 1}", got[^1].Payload.ToStringUtf8());
    }

    [Fact]
    public async Task Events_reach_every_subscriber_in_order()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var here = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await using var there = new ChasquiClient(gateway.Address.ToString().Replace("http:", "ws:", StringComparison.Ordinal) + "ws");
        var readers = new[] { here, there }.Select(async client =>
        {
            var texts = new List<string>();
            await foreach (var next in client.SubscribeAsync("news", cancellationToken: Cancellation))
            {
                texts.Add(next.Payload.ToStringUtf8());
                if (texts[^1] == "last")
                    break;
            }

            return texts.Where(text => text != "probe").ToList();
        }).ToList();
        await WaitUntilAsync(async () => (await here.PublishAsync("news", "probe"u8.ToArray(), cancellationToken: Cancellation)).Subscribers == 2);

        for (var i = 0; i < 20; i++)
            await there.PublishAsync("news", Encoding.UTF8.GetBytes($"{i}"), cancellationToken: Cancellation);
        await here.PublishAsync("news", "last"u8.ToArray(), cancellationToken: Cancellation);

        foreach (var texts in await Task.WhenAll(readers).WaitAsync(_limit, Cancellation))
            Assert.Equal([.. Enumerable.Range(0, 20).Select(i => $"{i}"), "last"], texts);
    }

    [Fact]
    public async Task WebSockets_of_foreign_pages_are_refused_and_other_requests_of_ws_are_not_found()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var foreign = new ClientWebSocket();
        foreign.Options.SetRequestHeader("Origin", "https://evil.example");

        await Assert.ThrowsAsync<WebSocketException>(() => foreign.ConnectAsync(new Uri($"ws://{gateway.Address.Authority}/ws"), Cancellation));
        using var plain = await gateway.GetAsync("/ws");

        Assert.Equal(HttpStatusCode.Forbidden, foreign.HttpStatusCode == 0 ? HttpStatusCode.Forbidden : foreign.HttpStatusCode);
        Assert.Equal(HttpStatusCode.NotFound, plain.StatusCode);
    }

    [Fact]
    public async Task A_stale_socket_file_is_replaced_and_a_new_one_is_its_owners_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are Unix's");
        var folder = Directory.CreateTempSubdirectory("chasqui-sock-");
        var path = Path.Combine(folder.FullName, "g.sock");
        using (var stale = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            stale.Bind(new UnixDomainSocketEndPoint(path));
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Wire = new WireListenOptions { Listen = [new WireListen(null, path)] },
            Data = new DataOptions { Folder = folder.FullName },
        };

        await using (var app = GatewayHost.Build(options, new ScriptedEngine()))
        {
            await GatewayHost.StartAsync(app, Cancellation);
            Assert.Equal(["unix:" + path], GatewayHost.WireAddresses(app));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path));
            await using (var client = new ChasquiClient("unix:" + path))
                Assert.Equal("chasqui", (await client.GetServerInfoAsync(cancellationToken: Cancellation)).Name);

            // One that somebody listens on is left alone.
            await using var second = GatewayHost.Build(options with { Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] } }, new ScriptedEngine());
            var error = await Assert.ThrowsAsync<EndpointUnavailableException>(() => GatewayHost.StartAsync(second, Cancellation));
            Assert.Contains(path, error.Message);
            await app.StopAsync(Cancellation);
        }

        folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("something to keep")]
    [InlineData("")]
    public async Task A_file_that_is_no_socket_is_left_alone(string content)
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-file-");
        var path = Path.Combine(folder.FullName, "notes.txt");
        await File.WriteAllTextAsync(path, content, Cancellation);
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Wire = new WireListenOptions { Listen = [new WireListen(null, path)] },
            Data = new DataOptions { Folder = folder.FullName },
        };

        await using var app = GatewayHost.Build(options, new ScriptedEngine());
        var error = await Assert.ThrowsAsync<EndpointUnavailableException>(() => GatewayHost.StartAsync(app, Cancellation));

        Assert.Contains(path, error.Message);
        Assert.Contains("no socket", error.Message);
        Assert.Equal(content, await File.ReadAllTextAsync(path, Cancellation));
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task TLS_without_a_certificate_stops_the_start()
    {
        var data = Directory.CreateTempSubdirectory("chasqui-tls-");
        var options = new GatewayOptions { Wire = new WireListenOptions { Listen = [new WireListen(HttpEndpoint.Default with { Port = 0 }, Tls: true)] }, Data = new DataOptions { Folder = data.FullName } };

        var error = await Assert.ThrowsAsync<ConfigurationException>(async () =>
        {
            await using var gateway = GatewayHost.Build(options, new ScriptedEngine());
            await GatewayHost.StartAsync(gateway, Cancellation);
        });

        Assert.Contains("Mcp:Certificate", error.Message);
        data.Delete(recursive: true);
    }

    [Theory]
    [InlineData("127.0.0.1:1", "tcp://127.0.0.1:1")]
    [InlineData("tcp://[::1]:9", "tcp://[::1]:9")]
    [InlineData("tls://127.0.0.1:2", "tls://127.0.0.1:2")]
    [InlineData("unix:/tmp/x.sock", "unix:/tmp/x.sock")]
    [InlineData("unix:", null)]
    [InlineData("ws://127.0.0.1:2", null)]
    [InlineData("nowhere", null)]
    public void Where_to_listen_is_read(string text, string? expected)
    {
        var read = WireListen.TryParse(text, out var listen);

        Assert.Equal((expected is not null, expected), (read, listen?.ToString()));
    }

    [Fact]
    public void A_worker_is_told_every_option_of_the_engine()
    {
        var options = new GatewayOptions
        {
            Models = new ModelOptions { Folders = ["/a; b", "/c"], OllamaStore = "/store", KeepAlive = TimeSpan.FromSeconds(90.5) },
            Engine = new Engines.LlamaCpp.LlamaEngineOptions
            {
                Slots = 3,
                ContextLength = 99,
                BatchTokens = 64,
                Threads = 2,
                QueueLimit = 7,
                MaxLoadedModels = 2,
                MemoryLimitBytes = 5_000_000_000,
                MemoryReserveBytes = 11,
            },
            Data = new DataOptions { Folder = "/data" },
        };
        foreach (var given in new[] { options, options with { Models = options.Models with { KeepAlive = Timeout.InfiniteTimeSpan } } })
        {
            var entries = EngineWorker.EnvironmentOf(given).ToDictionary(
                pair => pair.Key["CHASQUI__".Length..].Replace("__", ":", StringComparison.Ordinal), pair => (string?)pair.Value, StringComparer.OrdinalIgnoreCase);

            var read = GatewayConfiguration.Read([new ConfigurationSource("the environment", "/", entries)]);

            Assert.Equal(given.Models.Folders, read.Models.Folders);
            Assert.Equal((given.Models.OllamaStore, given.Models.KeepAlive, given.Data.Folder), (read.Models.OllamaStore, read.Models.KeepAlive, read.Data.Folder));
            Assert.Equal(given.Engine, read.Engine);
        }
    }

    private static async Task<Connection> ConnectAsync(RunningGateway gateway)
    {
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        await connection.OpenAsync(Cancellation);
        return connection;
    }

    private static async Task DrainAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        await foreach (var _ in updates)
        {
            // Only its end matters.
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync(SemaphoreSlim cancelled, [EnumeratorCancellation] CancellationToken token)
    {
        yield return new GenerationUpdate { Text = "Hi" };
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
        }
        finally
        {
            cancelled.Release();
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> GatedAsync(Task go, [EnumeratorCancellation] CancellationToken token)
    {
        yield return new GenerationUpdate { Text = "first" };
        await go.WaitAsync(token);
        await foreach (var update in ScriptedEngine.TokensAsync(["second"], token))
            yield return update;
    }

    private static Task WaitUntilAsync(Func<bool> condition) => WaitUntilAsync(() => Task.FromResult(condition()));

    private static async Task WaitUntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(_limit);
        while (!await condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
