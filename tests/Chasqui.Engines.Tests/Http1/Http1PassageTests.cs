using System.Net;
using System.Net.Sockets;
using System.Text;
using Chasqui.Engines.Http1;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Http1;

/// <summary>Over real sockets, with a server that answers byte by byte what it is told.</summary>
public sealed class Http1PassageTests
{
    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nHello", false, 1)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n", false, 1)]
    [InlineData("\r\nHello", true, 3)]
    [InlineData("Content-Length: 5\r\nConnection: close\r\n\r\nHello", true, 3)]
    public async Task A_body_is_read_to_its_end_and_the_connection_used_again_where_it_can_be(string answer, bool closes, int connections)
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + answer);
            if (closes)
                exchange.Close();
        });
        await using var passage = To(server);
        for (var i = 0; i < 3; i++)
        {
            var (status, body) = await AskAsync(passage);
            Assert.Equal((200, "Hello"), (status, body));
        }
        Assert.Equal(connections, server.Connections);
        Assert.All(server.Requests, request => Assert.Equal(("POST", "/api/x?y=1", "{}"), (request.Method, request.Path, request.Body)));
    }

    [Fact]
    public async Task A_body_that_comes_byte_by_byte()
    {
        const string Answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n";
        await using var server = new ScriptedNode(async exchange =>
        {
            foreach (var c in Answer)
                await exchange.SendAsync(c.ToString());
        });
        await using var passage = To(server);
        Assert.Equal((200, "Hello"), await AskAsync(passage));
        Assert.Equal((200, "Hello"), await AskAsync(passage));
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task A_body_larger_than_any_buffer()
    {
        var body = string.Concat(Enumerable.Range(0, 200_000).Select(i => (char)('a' + (i % 26))));
        await using var server = ScriptedNode.Answering(body);
        await using var passage = To(server);
        var answer = await passage.SendAsync(Request(body: new byte[300_000]), Nodes.Token);
        Assert.Equal(200_000, answer.ContentLength);
        Assert.Equal(body, await ReadAsync(answer));
        Assert.Equal(300_000, Assert.Single(server.Requests).Body.Length);
    }

    [Fact]
    public async Task The_answer_to_a_HEAD_has_no_body_whatever_its_length_says()
    {
        await using var server = new ScriptedNode(exchange => exchange.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"));
        await using var passage = To(server);
        for (var i = 0; i < 2; i++)
        {
            await using var answer = await passage.SendAsync(Request("HEAD"), Nodes.Token);
            Assert.Equal(17, answer.ContentLength);
            Assert.True((await answer.ReadAsync(Nodes.Token)).IsEmpty);
        }
        // Some servers send a body all the same.
        Assert.Equal(2, server.Connections);
    }

    [Fact]
    public async Task What_comes_before_the_answer_is_passed_over()
    {
        await using var server = new ScriptedNode(exchange => exchange.SendAsync(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"));
        await using var passage = To(server);
        var answer = await passage.SendAsync(Request(), Nodes.Token);
        Assert.Equal([new("X-A", "b")], answer.Headers);
        Assert.Equal((201, "ok"), (answer.Status, await ReadAsync(answer)));
    }

    [Fact]
    public async Task A_connection_that_was_closed_while_it_rested_is_replaced()
    {
        var closed = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.AnswerAsync("ok");
            if (!closed.Task.IsCompleted)
            {
                exchange.Close();
                closed.SetResult();
            }
        });
        await using var passage = To(server);
        Assert.Equal((200, "ok"), await AskAsync(passage));
        await closed.Task.WaitAsync(Nodes.Token);
        Assert.Equal((200, "ok"), await AskAsync(passage));
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHello", "node 'n1' broke the connection off in the midst of its answer")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n", "node 'n1' broke the connection off in the midst of its answer")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHelloX", "node 'n1' sent a body that is no HTTP: a chunk does not end where its size says")]
    public async Task A_body_that_is_broken_off_is_an_error_after_what_came(string text, string error)
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync(text);
            exchange.Close();
        });
        await using var passage = To(server);
        await using var answer = await passage.SendAsync(Request(), Nodes.Token);
        Assert.Equal("Hello", Encoding.UTF8.GetString((await answer.ReadAsync(Nodes.Token)).Span));
        Assert.Equal(error, (await Assert.ThrowsAsync<EngineFailedException>(() => answer.ReadAsync(Nodes.Token).AsTask())).Message);
    }

    [Theory]
    [InlineData("", "node 'n1' closed the connection without an answer")]
    [InlineData("HTTP/1.1 200 OK\r\nConte", "node 'n1' sent what is no HTTP: it ends within its head")]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n", "node 'n1' sent what is no HTTP: the first line is no status line of HTTP/1.1")]
    public async Task What_is_no_answer_is_an_error(string text, string error)
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            if (text.Length > 0)
                await exchange.SendAsync(text);
            exchange.Close();
        });
        await using var passage = To(server);
        Assert.Equal(error, (await Assert.ThrowsAsync<EngineFailedException>(() => passage.SendAsync(Request(), Nodes.Token).AsTask())).Message);
    }

    [Fact]
    public async Task A_head_without_end_is_an_error()
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync("HTTP/1.1 200 OK\r\nX: " + new string('a', 64 * 1024));
            await exchange.UntilGoneAsync();
        });
        await using var passage = To(server);
        Assert.Contains("its head is longer than 32768 bytes", (await Assert.ThrowsAsync<EngineFailedException>(() => passage.SendAsync(Request(), Nodes.Token).AsTask())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_cancels_closes_the_connection_and_the_server_sees_it(bool hasBegun)
    {
        var asked = new TaskCompletionSource();
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            if (hasBegun)
            {
                await exchange.BeginAsync("text/plain");
                await exchange.ChunkAsync("Hello");
            }
            asked.SetResult();
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var passage = To(server);
        using var leave = new CancellationTokenSource();
        var sending = passage.SendAsync(Request(), leave.Token).AsTask();
        await asked.Task.WaitAsync(Nodes.Token);
        if (hasBegun)
        {
            await using var answer = await sending;
            Assert.Equal(5, (await answer.ReadAsync(leave.Token)).Length);
            var reading = answer.ReadAsync(leave.Token).AsTask();
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        }
        else
        {
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        }
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Fact]
    public async Task An_answer_that_is_let_go_of_while_it_is_waited_for_closes_the_connection()
    {
        var gone = new TaskCompletionSource<bool>();
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.BeginAsync("text/plain");
            gone.SetResult(await exchange.UntilGoneAsync());
        });
        await using var passage = To(server);
        var answer = await passage.SendAsync(Request(), Nodes.Token);
        var reading = answer.ReadAsync(Nodes.Token).AsTask();
        await answer.DisposeAsync();
        await answer.DisposeAsync();
        await Assert.ThrowsAsync<EngineFailedException>(() => reading);
        Assert.True(await gone.Task.WaitAsync(Nodes.Token));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHelloHTTP/1.1 200 OK\r\n", true)]
    public async Task An_answer_that_was_not_read_or_more_than_an_answer_ends_the_connection(string text, bool reads)
    {
        await using var server = new ScriptedNode(exchange => exchange.SendAsync(text));
        await using var passage = To(server);
        for (var i = 0; i < 2; i++)
        {
            await using var answer = await passage.SendAsync(Request(), Nodes.Token);
            if (reads)
                Assert.Equal(5, (await answer.ReadAsync(Nodes.Token)).Length);
        }
        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("GET /x HTTP/1.1\r\nA: b", "/", "A", "b")]
    [InlineData("POST", "/ HTTP/1.1\r\nA: b", "A", "b")]
    [InlineData("POST", "/\n", "A", "b")]
    [InlineData("POST", "/", "A: b\r\nB", "b")]
    [InlineData("POST", "/", "A:", "b")]
    [InlineData("POST", "/", "A", "b\r\nTransfer-Encoding: chunked")]
    [InlineData("POST", "/", "A", "\u2028")]
    [InlineData("POST\t", "/", "A", "b")]
    public async Task Texts_that_would_end_their_line_are_refused_and_nothing_is_sent(string method, string path, string name, string value)
    {
        await using var server = ScriptedNode.Answering("ok");
        await using var passage = To(server);
        var request = new PassageRequest { Method = method, Path = path, Headers = [new(name, value)] };
        await Assert.ThrowsAsync<InvalidRequestException>(() => passage.SendAsync(request, Nodes.Token).AsTask());
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Where_nobody_listens_it_says_so()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        await using var passage = new Http1Passage(Http1Options.Of("n1", new Uri($"http://127.0.0.1:{port}")));
        var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => passage.SendAsync(Request(), Nodes.Token).AsTask());
        Assert.StartsWith($"node 'n1' cannot be reached at 127.0.0.1:{port}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connecting_takes_no_longer_than_it_may()
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
            var time = new FakeTimeProvider();
            await using var passage = new Http1Passage(Http1Options.Of("n1", new Uri($"http://127.0.0.1:{port}")) with { Time = time });
            // Its timer runs when this has returned.
            var sending = passage.SendAsync(Request(), Nodes.Token).AsTask();
            time.Advance(TimeSpan.FromSeconds(3));
            Assert.Equal($"node 'n1' cannot be reached at 127.0.0.1:{port}: connecting took longer than 3 s (time-out Connect)", (await Assert.ThrowsAsync<EngineUnavailableException>(() => sending)).Message);
        }
        finally
        {
            await stop.CancelAsync();
            others.ForEach(o => o.Dispose());
            await Task.WhenAll(connecting.Select(c => c.ContinueWith(_ => { }, TaskScheduler.Default)));
        }
    }

    [Fact]
    public async Task A_passage_that_was_closed_is_a_node_that_is_not_there()
    {
        await using var server = ScriptedNode.Answering("ok");
        var passage = To(server);
        await passage.DisposeAsync();
        await Assert.ThrowsAsync<EngineUnavailableException>(() => passage.SendAsync(Request(), Nodes.Token).AsTask());
    }

    [Fact]
    public async Task Host_key_prefix_and_length_are_sent()
    {
        await using var server = ScriptedNode.Answering("ok");
        await using var passage = new Http1Passage(Http1Options.Of("n1", new Uri(server.Address, "/base/")) with { ApiKey = "secret" });
        Assert.Equal((200, "ok"), await AskAsync(passage));
        var request = Assert.Single(server.Requests);
        Assert.Equal("/base/api/x?y=1", request.Path);
        Assert.Equal((server.Address.Authority, "Bearer secret", "2"), (request.Headers["Host"], request.Headers["Authorization"], request.Headers["Content-Length"]));
    }

    private static Http1Passage To(ScriptedNode server) => new(Http1Options.Of("n1", server.Address));

    private static PassageRequest Request(string method = "POST", byte[]? body = null) => new() { Method = method, Path = "/api/x?y=1", Body = body ?? (method == "HEAD" ? [] : "{}"u8.ToArray()) };

    private static async Task<(int Status, string Body)> AskAsync(Http1Passage passage)
    {
        var answer = await passage.SendAsync(Request(), Nodes.Token);
        return (answer.Status, await ReadAsync(answer));
    }

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
