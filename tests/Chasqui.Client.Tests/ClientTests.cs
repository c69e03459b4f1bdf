using System.Net;
using System.Net.Sockets;
using Chasqui.Protocol;
using Chasqui.Protocol.Messages;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Client.Tests;

public sealed class ClientTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_hundred_calls_at_once_share_one_dial_and_one_connection()
    {
        var open = new TaskCompletionSource();
        await using var gateway = new Gateway { Open = open.Task, Handler = call => Gateway.AnswerAsync(call, new ServerInfo { Name = "double" }) };
        await using var client = gateway.Client();

        var calls = Enumerable.Range(0, 100).Select(_ => client.GetServerInfoAsync(cancellationToken: Cancellation)).ToList();
        open.SetResult();
        var answers = await Task.WhenAll(calls).WaitAsync(_limit, Cancellation);

        Assert.All(answers, answer => Assert.Equal("double", answer.Name));
        Assert.Equal((1, 1), (gateway.Dials, client.Connections));
    }

    [Fact]
    public async Task Failed_dials_are_tried_again_and_the_last_failure_is_told()
    {
        await using var gateway = new Gateway { Failures = 2, Handler = call => Gateway.AnswerAsync(call, new ServerInfo { Name = "late" }) };
        await using var client = gateway.Client();
        Assert.Equal("late", (await client.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation)).Name);

        await using var never = new Gateway { Failures = 100, Handler = call => default };
        await using var hopeless = never.Client();
        var error = await Assert.ThrowsAsync<ClientException>(() => hopeless.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation));
        Assert.Equal(("unreachable", 3), (error.Error.Code, never.Dials));
    }

    [Fact]
    public async Task What_speaks_another_protocol_is_told_in_words()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync();
        await using (var client = new ChasquiClient($"tcp://{listener.LocalEndpoint}"))
        {
            var error = await Assert.ThrowsAsync<ClientException>(() => client.GetServerInfoAsync(cancellationToken: Cancellation)
                .WaitAsync(_limit, Cancellation));
            Assert.StartsWith($"what answers at tcp://{listener.LocalEndpoint} does not speak MCP/1", error.Message,
                StringComparison.Ordinal);
        }
        listener.Stop();
        await serving;

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var socket = await listener.AcceptSocketAsync(Cancellation);
                    await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Cancellation);
                    // Its own end would be another failure.
                    var rest = new byte[1024];
                    while (await socket.ReceiveAsync(rest, Cancellation) > 0)
                    {
                    }
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The test is over.
            }
        }
    }

    [Fact]
    public async Task An_answer_that_comes_before_the_body_has_left_is_read_whole()
    {
        var waits = new TaskCompletionSource();
        var answered = new TaskCompletionSource();
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                await waits.Task;
                await call.RespondAsync(Gateway.Status(400));
                await answered.Task;
                await call.WriteAsync("the digest is wrong"u8.ToArray(), end: true);
            },
        };
        await using var client = gateway.Client();

        // The credit of a stream is no multiple of a message, so that one has left in part when it is used up.
        await using var body = new EndlessBody(30_000, 270_000, waits.SetResult);
        await using var answer = await client.UploadAsync("/api/blobs/x", body, cancellationToken: Cancellation).WaitAsync(_limit, Cancellation);
        var read = body.Given;
        answered.SetResult();

        Assert.Equal(400, answer.Status);
        Assert.Equal("the digest is wrong", System.Text.Encoding.UTF8.GetString(await answer.ReadBodyAsync(1_000, Cancellation).WaitAsync(_limit, Cancellation)));
        Assert.Equal(read, body.Given);
    }

    [Fact]
    public async Task A_lost_connection_ends_its_call_and_the_next_call_has_a_new_one()
    {
        var lose = true;
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                if (lose)
                {
                    lose = false;
                    call.Connection.Abort(ErrorCode.Internal, "gone");
                    return;
                }

                await Gateway.AnswerAsync(call, new ServerInfo { Name = "second" });
            },
        };
        await using var client = gateway.Client();

        var error = await Assert.ThrowsAsync<ClientException>(() => client.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation));
        Assert.True(error.IsConnectionLost);
        Assert.Equal("second", (await client.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation)).Name);
        Assert.Equal(2, gateway.Dials);
    }

    [Fact]
    public async Task What_a_gateway_that_goes_could_not_end_is_asked_for_again()
    {
        var asked = new List<string?>();
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                asked.Add(call.Headers["offset"]);
                if (asked.Count == 1)
                {
                    // It says that it keeps the generation.
                    var head = Gateway.Status(200).Add("generation", call.Headers["generation"]!);
                    await call.RespondAsync(head, Google.Protobuf.MessageExtensions.ToByteArray(new GenerationUpdate { Text = "a" }), end: false);
                    call.Reset(ErrorCode.Unavailable, "the time for draining is over");
                    return;
                }
                await Gateway.AnswerAsync(call, new GenerationUpdate { Text = "b", Result = new GenerationResult() });
            },
        };
        await using var client = gateway.Client(options => options.Resume = true);
        var text = "";

        await foreach (var update in client.GenerateAsync(new GenerateRequest { Model = "m", Prompt = "x" }, cancellationToken: Cancellation))
            text += update.Text;

        Assert.Equal("ab", text);
        Assert.Equal([null, "1"], asked.Select(offset => offset == "0" ? null : offset));
    }

    [Fact]
    public async Task What_was_refused_is_sent_again_and_what_failed_is_not()
    {
        var calls = 0;
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                if (Interlocked.Increment(ref calls) <= 2)
                    call.Reset(ErrorCode.Refused, "busy");
                else if (calls == 3)
                    await Gateway.AnswerAsync(call, new ServerInfo { Name = "third" });
                else
                    call.Reset(ErrorCode.Unavailable, "stopping");
            },
        };
        await using var client = gateway.Client();

        Assert.Equal("third", (await client.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation)).Name);
        var error = await Assert.ThrowsAsync<ClientException>(() => client.GetServerInfoAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation));
        Assert.Equal((ErrorCode.Unavailable, "unavailable", 4), (error.Reset, error.Error.Code, calls));
    }

    [Fact]
    public async Task An_error_of_the_gateway_is_thrown_with_all_it_says()
    {
        await using var gateway = new Gateway
        {
            Handler = call => Gateway.AnswerAsync(call, new Error { Code = "model_not_found", Message = "model 'x' not found", Suggestions = { "mini" } }, 404),
        };
        await using var client = gateway.Client();

        var error = await Assert.ThrowsAsync<ClientException>(() => client.ShowModelAsync("x", cancellationToken: Cancellation).WaitAsync(_limit, Cancellation));
        Assert.Equal((404, "model_not_found", "mini"), (error.Status, error.Error.Code, Assert.Single(error.Error.Suggestions)));
        var streamed = await Assert.ThrowsAsync<ClientException>(async () =>
        {
            await foreach (var _ in client.ChatAsync(new ChatRequest { Model = "x" }, cancellationToken: Cancellation))
                Assert.Fail("there is no update");
        });
        Assert.Equal(404, streamed.Status);
    }

    [Fact]
    public async Task A_deadline_is_told_to_the_gateway_and_kept_here()
    {
        var (time, told, aborted) = (new FakeTimeProvider(), new TaskCompletionSource<string?>(), new TaskCompletionSource());
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                call.Aborted.Register(aborted.SetResult);
                told.SetResult(call.Headers["deadline-ms"]);
                await aborted.Task;
            },
        };
        await using var client = gateway.Client(time: time);

        var asking = client.GetServerInfoAsync(new CallOptions { Deadline = TimeSpan.FromMilliseconds(50) }, Cancellation);
        Assert.Equal("50", await told.Task.WaitAsync(Cancellation));
        time.Advance(TimeSpan.FromMilliseconds(50));

        Assert.Equal("deadline", (await Assert.ThrowsAsync<ClientException>(() => asking)).Error.Code);
        await aborted.Task.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task Leaving_a_stream_early_cancels_it_at_the_gateway()
    {
        var aborted = new TaskCompletionSource();
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                call.Aborted.Register(aborted.SetResult);
                await Gateway.AnswerAsync(call, new GenerationUpdate { Text = "a" }, end: false);
                await aborted.Task;
            },
        };
        await using var client = gateway.Client();

        await foreach (var update in client.GenerateAsync(new GenerateRequest { Model = "m" }, cancellationToken: Cancellation))
        {
            Assert.Equal("a", update.Text);
            break;
        }

        await aborted.Task.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task A_chat_of_Extensions_AI_has_text_usage_and_options()
    {
        ChatRequest? asked = null;
        await using var gateway = new Gateway
        {
            Handler = async call =>
            {
                using (var message = (await call.ReadAsync())!.Value)
                    asked = ChatRequest.Parser.ParseFrom(message.Body.Span);
                await Gateway.AnswerAsync(call, new GenerationUpdate { Text = "Hel" }, end: false);
                var last = new GenerationUpdate
                {
                    Text = "lo",
                    Result = new GenerationResult { Reason = Protocol.Messages.FinishReason.Length, PromptTokens = 3, CompletionTokens = 2 },
                };
                await call.WriteAsync(Google.Protobuf.MessageExtensions.ToByteArray(last), end: true);
            },
        };
        await using var client = gateway.Client();
        using var chat = new ChasquiChatClient(client, "mini");
        var options = new ChatOptions { Temperature = 0.5f, TopK = 3, MaxOutputTokens = 2, Seed = 7, StopSequences = ["x"], ResponseFormat = ChatResponseFormat.Json };

        var answer = await chat.GetResponseAsync("Hi", options, Cancellation).WaitAsync(_limit, Cancellation);

        Assert.Equal(("Hello", ChatFinishReason.Length, 5L), (answer.Text, answer.FinishReason!.Value, answer.Usage!.TotalTokenCount!.Value));
        Assert.Equal(("mini", "Hi", "user", "json"), (asked!.Model, asked.Messages[0].Content, asked.Messages[0].Role, asked.Common.Format));
        var wire = asked.Common.Options;
        Assert.Equal((0.5f, 3, 2, 7, "x"), (wire.Temperature, wire.TopK, wire.NumPredict, wire.Seed, Assert.Single(wire.Stop)));
        Assert.Equal("mini", chat.GetService<ChatClientMetadata>()!.DefaultModelId);
        await Assert.ThrowsAsync<NotSupportedException>(() =>
            chat.GetResponseAsync("Hi", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1)] }, Cancellation));
    }

    [Fact]
    public async Task Embeddings_of_Extensions_AI_come_in_order_with_usage()
    {
        await using var gateway = new Gateway
        {
            Handler = call => Gateway.AnswerAsync(call, new EmbedResponse { Vectors = { new Vector { Values = { 1, 2 } }, new Vector { Values = { 3, 4 } } }, PromptTokens = 4 }),
        };
        await using var client = gateway.Client(options => options.DefaultModel = "mini");
        using var generator = new ChasquiEmbeddingGenerator(client);

        var vectors = await generator.GenerateAsync(["a", "b"], cancellationToken: Cancellation).WaitAsync(_limit, Cancellation);

        Assert.Equal([3f, 4f], vectors[1].Vector.ToArray());
        Assert.Equal(4, vectors.Usage!.InputTokenCount);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(65, 3)]
    [InlineData(1, 0)]
    public void Options_outside_their_range_are_refused_by_name(int connections, int attempts) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ChasquiClient(new ChasquiClientOptions { MaxConnections = connections, ConnectAttempts = attempts }));

    [Fact]
    public void The_wait_doubles_up_to_its_bound()
    {
        var longest = new Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1), () => 0);
        var shortest = new Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1), () => 1);

        Assert.Equal([0, 100, 200, 400, 800, 1000, 1000], Enumerable.Range(0, 7).Select(n => longest.After(n).TotalMilliseconds));
        Assert.Equal(500, shortest.After(1_000).TotalMilliseconds);
    }

    [Fact]
    public async Task A_client_is_a_service()
    {
        await using var provider = new ServiceCollection().AddChasquiClient(o => o.DefaultModel = "mini").BuildServiceProvider();

        Assert.Same(provider.GetRequiredService<ChasquiClient>(), provider.GetRequiredService<IChatClient>().GetService<ChasquiClient>());
    }

    /// <summary>Gives as much as is asked for, and says when it has given so much.</summary>
    private sealed class EndlessBody(int part, long tell, Action told) : MemoryStream
    {
        private long _read;

        public long Given => Interlocked.Read(ref _read);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Math.Min(part, buffer.Length);
            var read = Interlocked.Add(ref _read, count);
            if (read >= tell && read - count < tell)
                told();
            return new ValueTask<int>(count);
        }
    }
}
