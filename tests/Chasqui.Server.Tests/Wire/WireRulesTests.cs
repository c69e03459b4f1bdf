using System.Runtime.CompilerServices;
using Chasqui.Engines.Tests.Models.Managed;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>What docs/protocol.md says of operations, one rule each.</summary>
public sealed class WireRulesTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Single() =>
        ["op", "method", "path", "content-type", "deadline-ms", "max-wait-ms", "queue-progress", "node", "generation", "offset", "session", "session-version", "request-id", "traceparent", "tracestate"];

    [Theory]
    [MemberData(nameof(Single))]
    public async Task A_field_that_is_given_twice_is_refused_by_its_name(string field)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);
        var headers = new HeaderList().Add("op", "server.info").Add("x-other", "1").Add("x-other", "2").Add(field, "1");

        using var reply = await connection.CallAsync(field == "op" ? headers : headers.Add(field, "1"), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal("400", reply.Headers["status"]);
        Assert.Contains($"the field {field} is given twice", Messages.Error.Parser.ParseFrom(reply.Body.Span).Message);
    }

    [Theory]
    [InlineData("application/x-protobuf", "200")]
    [InlineData("Application/X-Protobuf; v=1", "200")]
    [InlineData("application/json", "400")]
    [InlineData("application/x-protobuf2", "400")]
    public async Task Operations_take_protobuf_alone(string type, string status)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);

        using var reply = await connection.CallAsync(new HeaderList().Add("op", "server.info").Add("content-type", type), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal(status, reply.Headers["status"]);
    }

    [Theory]
    [InlineData("http", "path", "no/slash", "400")]
    [InlineData("http", "deadline-ms", "soon", "400")]
    [InlineData("http", "op", "http", "400")]
    [InlineData("server.info", "deadline-ms", "soon", "400")]
    [InlineData("nothing", "x", "y", "404")]
    [InlineData("server.info", "x", "y", "200")]
    public async Task Every_answer_has_the_id_of_its_request(string op, string field, string value, string status)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);
        var headers = new HeaderList().Add("op", op).Add(field, value);

        using var made = await connection.CallAsync(headers, Array.Empty<byte>(), ct: Cancellation);
        using var own = await connection.CallAsync(headers.Add("request-id", "mine"), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal((status, status), (made.Headers["status"], own.Headers["status"]));
        Assert.Matches("^[0-9a-f]{16}$", made.Headers["request-id"]);
        Assert.Equal("mine", own.Headers["request-id"]);
    }

    [Theory]
    [InlineData("generate", "new")]
    [InlineData("generate", "s")]
    [InlineData("infer", "s")]
    public async Task A_session_is_refused_where_a_prompt_is_continued(string op, string session)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var connection = await ConnectAsync(gateway);
        var generate = new Messages.GenerateRequest { Model = "m", Prompt = "x" };
        IMessage request = op == "infer" ? new Messages.InferRequest { Generate = generate } : generate;

        using var reply = await connection.CallAsync(new HeaderList().Add("op", op).Add("session", session), request.ToByteArray(), ct: Cancellation);

        Assert.Equal("400", reply.Headers["status"]);
        Assert.Contains("sessions are for chats", Messages.Error.Parser.ParseFrom(reply.Body.Span).Message);
    }

    [Fact]
    public async Task Http_has_a_default_method_a_query_and_headers_of_its_own()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Models = [] });
        await using var connection = await ConnectAsync(gateway);

        using var get = await connection.CallAsync(
            new HeaderList().Add("op", "http").Add("method", "GET").Add("path", "/api/tags?x=1").Add("request-id", "mine").Add("accept", "a").Add("accept", "b"), Array.Empty<byte>(), ct: Cancellation);
        using var post = await connection.CallAsync(new HeaderList().Add("op", "http").Add("path", "/api/tags"), Array.Empty<byte>(), ct: Cancellation);
        using var noNode = await connection.CallAsync(
            new HeaderList().Add("op", "http").Add("path", "/api/generate").Add("node", "nowhere"), """{"model":"m","prompt":"x"}"""u8.ToArray(), ct: Cancellation);
        using var noPath = await connection.CallAsync(new HeaderList().Add("op", "http").Add("path", "api/tags"), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal(("200", "mine"), (get.Headers["status"], get.Headers["request-id"]));
        Assert.Equal("405", post.Headers["status"]);
        Assert.Contains("nowhere", System.Text.Encoding.UTF8.GetString(noNode.Body.Span));
        Assert.Equal("400", noPath.Headers["status"]);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("seed", false)]
    [InlineData("generation", false)]
    [InlineData(null, true)]
    [InlineData("seed", true)]
    [InlineData("generation", true)]
    public async Task Ids_of_tokens_are_told_where_they_were_asked_for(string? way, bool asked)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => NumberedAsync(), Models = [new ModelSummary { Name = "m:latest", Digest = "", Details = new ModelDetails() }] });
        await using var connection = await ConnectAsync(gateway);
        var request = new Messages.GenerateRequest { Model = "m", Prompt = "x", Common = new Messages.GenerationCommon { WithTokens = asked, Options = new Messages.GenerationOptions() } };
        if (way == "seed")
            request.Common.Options.Seed = 1;
        var headers = new HeaderList().Add("op", "generate");
        if (way == "generation")
            headers.Add("generation", "0123456789abcdef");

        await using var call = await connection.StartAsync(headers, request.ToByteArray(), end: true, ct: Cancellation);
        var tokens = new List<int>();
        await foreach (var message in call.ReadAllAsync(Cancellation))
        {
            using (message)
                tokens.AddRange(Messages.GenerationUpdate.Parser.ParseFrom(message.Body.Span).Tokens);
        }

        Assert.Equal(asked ? [7, 8] : [], tokens);
    }

    [Fact]
    public async Task A_pull_of_what_no_registry_has_is_not_found()
    {
        await using var registry = await RegistryDouble.StartAsync();
        await using var gateway = await RunningGateway.StartAsync(options => options);
        await using var connection = await ConnectAsync(gateway);
        var request = new Messages.TransferRequest { Model = $"{registry.Authority}/library/none", Insecure = true };

        using var reply = await connection.CallAsync(new HeaderList().Add("op", "models.pull"), request.ToByteArray(), ct: Cancellation);

        var error = Messages.Error.Parser.ParseFrom(reply.Body.Span);
        Assert.Equal(("404", "model_not_found"), (reply.Headers["status"], error.Code));
        Assert.Equal("pull model manifest: file does not exist", error.Message);
    }

    [Theory]
    [InlineData("news")]
    [InlineData("session.s")]
    public async Task A_stop_ends_subscriptions_at_once_and_says_so(string channel)
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        await using var connection = await ConnectAsync(gateway);
        using var turn = await connection.CallAsync(
            new HeaderList().Add("op", "http").Add("path", "/api/chat").Add("x-chasqui-session", "s"),
            """{"model":"mini","messages":[{"role":"user","content":"Hi"}],"stream":false,"options":{"num_predict":1}}"""u8.ToArray(), ct: Cancellation);
        Assert.Equal("200", turn.Headers["status"]);
        await using var call = await connection.StartAsync(
            new HeaderList().Add("op", "channel.subscribe"), new Messages.SubscribeRequest { Channel = channel }.ToByteArray(), end: true, ct: Cancellation);
        await call.GetResponseAsync(Cancellation);

        var stop = gateway.App.StopAsync(Cancellation);

        var error = await Assert.ThrowsAsync<StreamException>(() => call.ReadAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation));
        Assert.Equal(ErrorCode.Unavailable, error.Code);
        Assert.Equal(ErrorCode.NoError, (await connection.Closed.WaitAsync(_limit, Cancellation)).Code);
        await stop.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task What_is_not_over_when_the_time_for_draining_is_over_is_reset_with_a_code()
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => HangAsync(token) }, options => options with { Shutdown = new ShutdownOptions { DrainTimeout = TimeSpan.Zero } });
        await using var connection = await ConnectAsync(gateway);
        await using var call = await connection.StartAsync(
            new HeaderList().Add("op", "generate"), new Messages.GenerateRequest { Model = "m", Prompt = "x" }.ToByteArray(), end: true, ct: Cancellation);
        using var first = await call.ReadAsync(Cancellation);

        var stop = gateway.App.StopAsync(Cancellation);

        var error = await Assert.ThrowsAsync<StreamException>(() => call.ReadAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation));
        Assert.Equal(ErrorCode.Unavailable, error.Code);
        await stop.WaitAsync(_limit, Cancellation);
    }

    private static async Task<Connection> ConnectAsync(RunningGateway gateway)
    {
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        await connection.OpenAsync(Cancellation);
        return connection;
    }

    private static async IAsyncEnumerable<GenerationUpdate> NumberedAsync()
    {
        await Task.Yield();
        yield return new GenerationUpdate { Text = "a", Tokens = [7] };
        yield return new GenerationUpdate { Text = "b", Tokens = [8] };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 1, CompletionTokens = 2, TotalDuration = TimeSpan.FromMilliseconds(1) } };
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync([EnumeratorCancellation] CancellationToken token)
    {
        yield return new GenerationUpdate { Text = "Hi" };
        await Task.Delay(Timeout.InfiniteTimeSpan, token);
    }
}
