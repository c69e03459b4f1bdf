using System.Text;
using Chasqui.Engines.Http1;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Http1;

/// <summary>When a connection is used again, and when a request is sent again. Over real sockets; the clock is moved by hand.</summary>
public sealed class Http1ConnectionTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private readonly FakeTimeProvider _time = new();
    private int _sentAgain;

    [Fact]
    public async Task A_request_whose_rested_connection_ends_at_once_is_sent_once_more_on_a_new_one()
    {
        await using var server = new ScriptedNode(exchange => Second(exchange, exchange.Cut));
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        // The second request meets the end of its connection, and the third connection serves it.
        Assert.Equal("ok", await AskAsync(passage, "/again"));
        Assert.Equal(1, _sentAgain);
        Assert.Equal(2, server.Connections);
        Assert.Equal(2, server.Requests.Count(request => request.Path == "/again"));
    }

    [Fact]
    public async Task It_is_not_sent_a_third_time()
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            if (exchange.Request.Path == "/")
                await exchange.SendAsync(Ok);
            else
                exchange.Close();
        });
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        Assert.Equal("node 'n1' closed the connection without an answer", (await Assert.ThrowsAsync<EngineFailedException>(() => AskAsync(passage, "/again"))).Message);
        Assert.Equal(2, server.Requests.Count(request => request.Path == "/again"));
        Assert.Equal(1, _sentAgain);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nConte")]
    [InlineData("H")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n")]
    public async Task It_is_not_sent_again_after_a_byte_of_an_answer(string begun)
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            if (exchange.Request.Path == "/")
            {
                await exchange.SendAsync(Ok);
                return;
            }
            await exchange.SendAsync(begun);
            exchange.Close();
        });
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        await Assert.ThrowsAsync<EngineFailedException>(() => AskAsync(passage, "/again"));
        Assert.Equal(1, server.Requests.Count(request => request.Path == "/again"));
        Assert.Equal(0, _sentAgain);
    }

    [Theory]
    [InlineData(1.0, 2)]
    [InlineData(1.1, 1)]
    public async Task It_is_sent_again_within_a_second_and_never_later(double seconds, int times)
    {
        var asked = new TaskCompletionSource();
        var end = new TaskCompletionSource();
        await using var server = new ScriptedNode(exchange => Second(exchange, async () =>
        {
            asked.TrySetResult();
            await end.Task;
            exchange.Cut();
        }));
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        var asking = AskAsync(passage, "/again");
        await asked.Task.WaitAsync(Nodes.Token);
        _time.Advance(TimeSpan.FromSeconds(seconds));
        end.SetResult();
        if (times == 2)
            Assert.Equal("ok", await asking);
        else
            await Assert.ThrowsAsync<EngineFailedException>(() => asking);
        Assert.Equal(times, server.Requests.Count(request => request.Path == "/again"));
        Assert.Equal(times - 1, _sentAgain);
    }

    [Fact]
    public async Task A_request_on_a_new_connection_is_never_sent_again()
    {
        await using var server = new ScriptedNode(exchange =>
        {
            exchange.Cut();
            return Task.CompletedTask;
        });
        await using var passage = To(server);
        await Assert.ThrowsAsync<EngineFailedException>(() => AskAsync(passage));
        Assert.Single(server.Requests);
        Assert.Equal(0, _sentAgain);
    }

    [Fact]
    public async Task Where_it_cannot_be_sent_again_it_may_have_been_processed()
    {
        ScriptedNode? server = null;
        server = new ScriptedNode(exchange => Second(exchange, () =>
        {
            server!.StopListening();
            exchange.Cut();
        }));
        await using (server)
        {
            await using var passage = To(server);
            Assert.Equal("ok", await AskAsync(passage));
            Assert.Contains("cannot be reached again", (await Assert.ThrowsAsync<EngineFailedException>(() => AskAsync(passage, "/again"))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_whose_answer_was_found_wrong_is_not_used_again()
    {
        await using var server = new ScriptedNode(exchange => exchange.SendAsync(Ok));
        await using var passage = To(server);
        await using (var answer = await passage.SendAsync(new PassageRequest { Method = "GET", Path = "/" }, Nodes.Token))
        {
            while (!(await answer.ReadAsync(Nodes.Token)).IsEmpty)
            {
            }
            answer.Distrust();
        }
        Assert.Equal("ok", await AskAsync(passage));
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")]
    [InlineData("x")]
    public async Task What_a_node_says_unasked_ends_the_connection(string unasked)
    {
        var say = new TaskCompletionSource();
        var said = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync(Ok);
            if (exchange.Request.Path != "/")
                return;
            await say.Task;
            await exchange.SendAsync(unasked);
            said.SetResult();
        });
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        // However short the rest was.
        say.SetResult();
        await said.Task.WaitAsync(Nodes.Token);
        Assert.Equal("ok", await AskAsync(passage, "/again"));
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("POST", "HTTP/1.1 204 No Content\r\n\r\n")]
    [InlineData("POST", "HTTP/1.1 304 Not Modified\r\n\r\n")]
    [InlineData("POST", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST", "HTTP/1.1 500 Whatever\r\nContent-Length: 2\r\n\r\nno")]
    public async Task What_may_have_more_behind_it_ends_the_connection_even_before_that_comes(string method, string answer)
    {
        var next = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            if (exchange.Request.Path != "/")
            {
                await exchange.SendAsync(Ok);
                next.SetResult();
                return;
            }
            await exchange.SendAsync(answer);
            // What is behind it comes only once the next request is under way.
            await next.Task.WaitAsync(exchange.Stop);
            await exchange.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        });
        await using var passage = To(server);
        await using (var first = await passage.SendAsync(Request("/", method), Nodes.Token))
        {
            while (!(await first.ReadAsync(Nodes.Token)).IsEmpty)
            {
            }
        }
        Assert.Equal("ok", await AskAsync(passage, "/again"));
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("close")]
    [InlineData("Close, X-Own")]
    [InlineData("keep-alive, close")]
    public async Task An_answer_that_says_close_ends_the_connection(string value)
    {
        await using var server = ScriptedNode.Answering("ok", 200, "text/plain", $"Connection: {value}");
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        Assert.Equal("ok", await AskAsync(passage));
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData(60, 0, 1)]
    [InlineData(0, 60, 2)]
    [InlineData(590, 20, 2)]
    public async Task A_connection_has_a_longest_rest_and_a_longest_life(int busy, int rest, int connections)
    {
        await using var server = ScriptedNode.Answering("ok");
        await using var passage = To(server);
        var answer = await passage.SendAsync(Request("/"), Nodes.Token);
        _time.Advance(TimeSpan.FromSeconds(busy));
        Assert.Equal("ok", await ReadAsync(answer));
        _time.Advance(TimeSpan.FromSeconds(rest));
        Assert.Equal("ok", await AskAsync(passage));
        Assert.Equal(connections, server.Connections);
    }

    [Fact]
    public async Task A_connection_that_rested_too_long_is_closed_though_no_request_comes()
    {
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync(Ok);
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var passage = To(server);
        Assert.Equal("ok", await AskAsync(passage));
        for (var i = 0; i < 5; i++)
            _time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Fact]
    public async Task What_the_header_Connection_names_stays_here()
    {
        await using var server = ScriptedNode.Answering(
            "ok", 200, "text/plain", "X-Own: 1", "Connection: X-Own, keep-alive, X-Other", "x-other: 2", "HTTP2-Settings: AAMAAABkAAQAAP__", "Keep-Alive: timeout=5", "X-Kept: 3");
        await using var passage = To(server);
        await using var answer = await passage.SendAsync(Request("/"), Nodes.Token);
        Assert.Equal([new("Content-Type", "text/plain"), new("X-Kept", "3")], answer.Headers);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a\r\nX: y")]
    public void A_key_that_no_header_can_have_is_refused(string key) =>
        Assert.Throws<ArgumentException>(() => new Http1Passage(Http1Options.Of("n1", new Uri("http://127.0.0.1:1")) with { ApiKey = key }));

    /// <summary>Answers the first connection's first request and all of those of the others; what is done with its second one, the test says.</summary>
    private static async Task Second(ScriptedNode.Exchange exchange, Func<Task> second)
    {
        if (exchange.Request.Path == "/again" && exchange.Connection == 1)
            await second();
        else
            await exchange.SendAsync(Ok);
    }

    private static Task Second(ScriptedNode.Exchange exchange, Action second) => Second(exchange, () =>
    {
        second();
        return Task.CompletedTask;
    });

    private Http1Passage To(ScriptedNode server) =>
        new(Http1Options.Of("n1", server.Address) with { Time = _time, SentAgain = () => Interlocked.Increment(ref _sentAgain) });

    private static PassageRequest Request(string path, string method = "POST") => new() { Method = method, Path = path, Body = method == "HEAD" ? default : "{}"u8.ToArray() };

    private static async Task<string> AskAsync(Http1Passage passage, string path = "/") => await ReadAsync(await passage.SendAsync(Request(path), Nodes.Token));

    private static async Task<string> ReadAsync(IPassageAnswer answer)
    {
        await using (answer)
        {
            var text = new StringBuilder();
            for (var part = await answer.ReadAsync(Nodes.Token); !part.IsEmpty; part = await answer.ReadAsync(Nodes.Token))
                text.Append(Encoding.UTF8.GetString(part.Span));
            return text.ToString();
        }
    }
}
