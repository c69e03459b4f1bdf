using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Protocol;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Load;

/// <summary>A body that brings nothing for too long, or takes too long in all, is ended in the form of its API.</summary>
public sealed class BodyTimeoutTests
{
    // No other timer of the gateway runs for so long.
    private static readonly TimeSpan _idle = TimeSpan.FromSeconds(41);
    private static readonly TimeSpan _whole = TimeSpan.FromSeconds(67);

    // Less than the silence, and the time of a write, for which a connection of MCP is closed: the clock moves while bytes are under way.
    private static readonly TimeSpan _shortIdle = TimeSpan.FromSeconds(11);

    private readonly SignallingTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", """{"error":"no byte of the request body came for 41 s (Limits:BodyIdleTimeout); send all of it"}""")]
    [InlineData("/v1/chat/completions", "\"type\":\"invalid_request_error\"")]
    [InlineData("/v1/messages", "\"type\":\"timeout_error\"")]
    public async Task A_body_that_stops_is_answered_with_408_and_its_connection_closed(string path, string form)
    {
        await using var gateway = await StartAsync(TimeSpan.FromHours(1));
        using var client = await RawHttp.ConnectAsync(gateway.Address);

        // Much that came fast does not make up for it.
        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n\r\n{new string(' ', 1_000_000)}");
        await Budget(gateway).UntilAsync(held => held >= 1_000_000);
        var (status, headers) = await WaitAsync(client.ReadHeadAsync(), _idle);
        var text = await client.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture));

        Assert.Equal((408, "close"), (status, headers["Connection"]));
        Assert.Contains("no byte of the request body came for 41 s (Limits:BodyIdleTimeout)", text);
        Assert.Contains(form, text);
        await Budget(gateway).UntilAsync(held => held == 0);
        Assert.Equal(1, gateway.App.Services.GetRequiredService<RefusalCounts>().Of(RefusalReason.BodyTimeout));
    }

    [Fact]
    public async Task A_body_that_trickles_is_ended_when_its_time_is_over()
    {
        await using var gateway = await StartAsync(_whole);
        using var client = await RawHttp.ConnectAsync(gateway.Address);

        await client.SendAsync("POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
        await _time.TimerAsync(_idle);
        _time.Advance(TimeSpan.FromSeconds(40));
        await client.SendAsync("1\r\n \r\n");
        // What is left of the whole is less than it may be silent.
        var (status, headers) = await WaitAsync(client.ReadHeadAsync(), _whole - TimeSpan.FromSeconds(40));

        Assert.Equal(408, status);
        Assert.Contains("took longer than 67 s (Limits:BodyTimeout)", await client.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task A_packed_body_that_stops_is_ended_too()
    {
        await using var gateway = await StartAsync(TimeSpan.FromHours(1));
        using var client = await RawHttp.ConnectAsync(gateway.Address);

        await client.SendAsync("POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n");
        await client.SendAsync(new byte[] { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 });

        Assert.Equal(408, (await WaitAsync(client.ReadHeadAsync(), _idle)).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    public async Task Over_MCP_a_body_of_HTTP_that_stops_is_answered_with_408_and_the_connection_goes_on(int length)
    {
        await using var gateway = await StartAsync(TimeSpan.FromHours(1), _shortIdle);
        await using var peer = await WirePeer.OpenAsync(gateway, null);

        await using var call = await peer.Connection.StartAsync(WirePeer.Head("http"), new byte[length], end: false, ct: Cancellation);
        var (status, text) = await WaitAsync(WirePeer.AnswerAsync(call), _shortIdle, () => peer.CallAsync("chat", WirePeer.Chat(10)));

        Assert.Equal("408", status);
        Assert.Contains("(Limits:BodyIdleTimeout)", text);
        Assert.Equal("200", (await peer.CallAsync("chat", WirePeer.Chat(10))).Status);
    }

    [Fact]
    public async Task Over_MCP_so_is_a_message_that_does_not_come()
    {
        await using var gateway = await StartAsync(TimeSpan.FromHours(1), _shortIdle);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(gateway.Wire, Cancellation);
        var heard = new HeardText(socket);
        var signs = 0;

        // HELLO, and a REQUEST with the field op: chat, without a message and without an end.
        await socket.SendAsync(Frame(FrameType.Hello, 0), SocketFlags.None, Cancellation);
        await socket.SendAsync(Frame(FrameType.Request, 1, 0, 9, 0, 2, (byte)'o', (byte)'p', 4, (byte)'c', (byte)'h', (byte)'a', (byte)'t'), SocketFlags.None, Cancellation);

        Assert.Contains("request_timeout", await WaitAsync(heard.UntilAsync("(Limits:BodyIdleTimeout)"), _shortIdle, GiveSignAsync));

        // A HEARTBEAT and its answer.
        async Task GiveSignAsync()
        {
            var mark = $"sign{++signs:0000}";
            await socket.SendAsync(Frame(FrameType.Heartbeat, 0, [0, .. Encoding.ASCII.GetBytes(mark)]), SocketFlags.None, Cancellation);
            await heard.UntilAsync("\u0001" + mark);
        }
    }

    [Fact]
    public async Task An_upload_may_take_its_time_while_it_goes_on()
    {
        var pipe = new Pipe();
        var limits = new LoadOptions { BodyIdleTimeout = _idle, BodyTimeout = _whole };
        await using var body = new PatientStream(pipe.Reader.AsStream(), limits, new RefusalCounts(), _time);
        var buffer = new byte[16];
        for (var i = 0; i < 4; i++)
        {
            var reading = body.ReadAsync(buffer, Cancellation);
            _time.Advance(TimeSpan.FromSeconds(40));
            await pipe.Writer.WriteAsync("x"u8.ToArray(), Cancellation);
            Assert.Equal(1, await reading);
        }

        var silent = body.ReadAsync(buffer, Cancellation).AsTask();
        _time.Advance(_idle);

        Assert.Contains("(Limits:BodyIdleTimeout)", (await Assert.ThrowsAsync<RequestTimeoutException>(() => silent)).Message);
    }

    /// <summary>
    /// Moves the clock on each time that a wait of this length begins, until the answer is there: a body comes in pieces, and some waits are for the next one. A connection
    /// of MCP must give a sign of life between two moves, or it is closed for its silence.
    /// </summary>
    private async Task<T> WaitAsync<T>(Task<T> answer, TimeSpan wait, Func<Task>? giveSign = null)
    {
        while (await Task.WhenAny(answer, _time.TimerAsync(wait)) != answer)
        {
            _time.Advance(wait);
            if (giveSign is not null)
                await giveSign();
        }
        return await answer;
    }

    private static byte[] Frame(FrameType type, uint stream, params byte[] payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, type, payload.Length, stream);
        payload.CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    private static ByteBudget Budget(RunningGateway gateway) => gateway.App.Services.GetRequiredService<ByteBudget>();

    private Task<RunningGateway> StartAsync(TimeSpan whole, TimeSpan? idle = null) => RunningGateway.StartAsync(
        KeyModels.Engine(),
        options => options with { Limits = options.Limits with { Load = new LoadOptions { BodyIdleTimeout = idle ?? _idle, BodyTimeout = whole } } },
        builder => builder.Services.AddSingleton<TimeProvider>(_time));

    /// <summary>What comes on a socket, as Latin-1.</summary>
    private sealed class HeardText
    {
        private readonly Lock _gate = new();
        private readonly StringBuilder _text = new();
        private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isOver;

        public HeardText(Socket socket) => _ = ReadAsync(socket);

        /// <summary>All there is, once it has this part or the socket has ended.</summary>
        public async Task<string> UntilAsync(string part)
        {
            while (true)
            {
                Task more;
                lock (_gate)
                {
                    if (_isOver || _text.ToString().Contains(part, StringComparison.Ordinal))
                        return _text.ToString();
                    more = _more.Task;
                }
                await more.WaitAsync(Cancellation);
            }
        }

        private async Task ReadAsync(Socket socket)
        {
            var buffer = new byte[4_096];
            while (!_isOver)
            {
                var read = await socket.ReceiveAsync(buffer, SocketFlags.None, Cancellation);
                lock (_gate)
                {
                    _text.Append(Encoding.Latin1.GetString(buffer, 0, read));
                    _isOver = read == 0;
                    _more.SetResult();
                    _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                }
            }
        }
    }
}
