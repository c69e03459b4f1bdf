using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Chasqui.Engines.Http;
using Chasqui.Engines.OpenAi;

namespace Chasqui.Engines.Tests.Http;

/// <summary>Each time-out ends a request by itself, says which it is, and lets go of the node at once. The clock is moved by hand.</summary>
public sealed class TimeoutTests
{
    private const string Line = "{\"model\":\"mini\",\"response\":\"Hi\",\"done\":false}\n";

    private static readonly CallTimeouts _timeouts = new()
    {
        Connect = TimeSpan.FromSeconds(2),
        FirstToken = TimeSpan.FromSeconds(300),
        BetweenTokens = TimeSpan.FromSeconds(30),
        Total = TimeSpan.FromSeconds(1000),
    };

    private readonly SignallingTime _time = new();

    [Fact]
    public async Task Connecting()
    {
        // A listener whose queue is full answers nothing.
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        using var stop = new CancellationTokenSource();
        var others = Enumerable.Range(0, 8).Select(_ => new Socket(SocketType.Stream, ProtocolType.Tcp)).ToList();
        var connecting = others.ConvertAll(o => o.ConnectAsync(IPAddress.Loopback, port, stop.Token).AsTask());
        try
        {
            await Task.WhenAll(connecting.Take(2));
            await using var node = Nodes.Ollama(new Uri($"http://127.0.0.1:{port}"), _time, _timeouts);
            var listing = node.Engine.ListAsync(Nodes.Token);
            await _time.UntilTimerAsync(_timeouts.Connect);
            _time.Advance(_timeouts.Connect);

            var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => listing);
            Assert.Equal($"node 'n1' cannot be reached at 127.0.0.1:{port}: connecting took longer than 2 s (time-out Connect)", error.Message);
        }
        finally
        {
            await stop.CancelAsync();
            others.ForEach(o => o.Dispose());
            await Task.WhenAll(connecting.Select(c => c.ContinueWith(_ => { }, TaskScheduler.Default)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_first_token(bool withHead)
    {
        var asked = new TaskCompletionSource();
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            if (withHead)
                await exchange.BeginAsync("application/x-ndjson");
            asked.SetResult();
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);

        var answering = Nodes.FailAsync<GenerationUpdate, EngineFailedException>(node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
        await asked.Task.WaitAsync(Nodes.Token);
        _time.Advance(_timeouts.FirstToken - TimeSpan.FromSeconds(1));
        Assert.False(answering.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("node 'n1' gave no answer for 300 s (time-out FirstToken)", (await answering).Error.Message);
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Fact]
    public async Task The_next_token()
    {
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            await exchange.ChunkAsync(Line);
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);
        await using var updates = node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token).GetAsyncEnumerator(Nodes.Token);

        Assert.True(await updates.MoveNextAsync());
        Assert.Equal("Hi", updates.Current.Text);
        var next = updates.MoveNextAsync().AsTask();
        _time.Advance(_timeouts.BetweenTokens);

        Assert.Equal("node 'n1' fell silent for 30 s (time-out BetweenTokens)", (await Assert.ThrowsAsync<EngineFailedException>(() => next)).Message);
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Fact]
    public async Task The_whole_answer()
    {
        var more = Channel.CreateUnbounded<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            await foreach (var _ in more.Reader.ReadAllAsync(exchange.Stop))
                await exchange.ChunkAsync(Line);
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);
        await using var updates = node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token).GetAsyncEnumerator(Nodes.Token);

        // Never silent for long, and never at an end.
        for (var i = 0; i < 40; i++)
        {
            Assert.True(more.Writer.TryWrite(true));
            Assert.True(await updates.MoveNextAsync());
            _time.Advance(TimeSpan.FromSeconds(24.9));
        }
        var next = updates.MoveNextAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal("node 'n1' did not end within 1000 s (time-out Total)", (await Assert.ThrowsAsync<EngineFailedException>(() => next)).Message);
    }

    [Fact]
    public async Task A_question_about_models_is_not_waited_for_as_long_as_a_load()
    {
        var asked = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            asked.SetResult();
            await exchange.UntilGoneAsync();
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);
        var listing = node.Engine.ListAsync(Nodes.Token);
        await asked.Task.WaitAsync(Nodes.Token);
        _time.Advance(_timeouts.BetweenTokens);
        Assert.Contains("BetweenTokens", (await Assert.ThrowsAsync<EngineFailedException>(() => listing)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_greeting_and_comments_are_no_first_token()
    {
        var greeted = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            if (exchange.Request.Method == "GET")
            {
                await exchange.AnswerAsync("""{"data":[{"id":"mini","owned_by":"llamacpp"}]}""");
                return;
            }
            await exchange.BeginAsync("text/event-stream");
            await exchange.ChunkAsync("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":null}]}\n\n: ping\n\n");
            greeted.SetResult();
            await exchange.UntilGoneAsync();
        });
        await using var node = new OpenAiNode(Nodes.Options(server.Address, _timeouts), null, _time);
        var answering = Nodes.FailAsync<GenerationUpdate, EngineFailedException>(node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
        await greeted.Task.WaitAsync(Nodes.Token);
        _time.Advance(_timeouts.BetweenTokens * 2);
        Assert.False(answering.IsCompleted);
        _time.Advance(_timeouts.FirstToken);
        Assert.Contains("FirstToken", (await answering).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_that_leaves_is_told_a_cancellation_and_the_node_sees_it_go()
    {
        var asked = new TaskCompletionSource();
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            asked.SetResult();
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);
        using var leave = new CancellationTokenSource();
        await using var updates = node.Engine.GenerateAsync(Nodes.Prompt(), leave.Token).GetAsyncEnumerator(CancellationToken.None);
        var answering = updates.MoveNextAsync().AsTask();
        await asked.Task.WaitAsync(Nodes.Token);
        await leave.CancelAsync();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answering);
        Assert.Equal(leave.Token, error.CancellationToken);
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Fact]
    public async Task A_reader_that_stops_reading_lets_go_of_the_node()
    {
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            await exchange.ChunkAsync(Line);
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var node = Nodes.Ollama(server.Address, _time, _timeouts);
        await foreach (var _ in node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token))
            break;
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }
}
