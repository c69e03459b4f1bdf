using System.Text;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

/// <summary>What a peer may do wrong: each ends with the reason that docs/protocol.md gives, and nothing hangs.</summary>
public sealed class HostilePeerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("POST /api/generate HTTP/1.1\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\n")]
    public async Task Whoever_speaks_HTTP_gets_a_hint(string request)
    {
        await using var peer = new RawPeer();

        await peer.SendAsync(Encoding.ASCII.GetBytes(request));
        var answer = await peer.ReadTextAsync();

        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer);
        Assert.Contains("MCP/1", answer);
        Assert.Equal(ErrorCode.BadMagic, (await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
        Assert.Equal(ErrorCode.BadMagic, (await Assert.ThrowsAsync<ConnectionClosedException>(() => peer.Opening)).Code);
    }

    public static TheoryData<string, byte[], ErrorCode> BeforeTheHello() => new()
    {
        { "a stranger", "\x16\x03\x01\x02"u8.ToArray(), ErrorCode.BadMagic },
        { "magic of another version", [0x4D, 0x43, 0x50, 0x02], ErrorCode.BadMagic },
        { "another version", Edit(RawPeer.Hello(), 4, 2), ErrorCode.BadVersion },
        { "a request first", RawPeer.Frame(FrameType.Request, 1, [1, 0]), ErrorCode.ProtocolError },
        { "a goodbye first", RawPeer.Goodbye(0), ErrorCode.ProtocolError },
        { "a heartbeat first", RawPeer.Frame(FrameType.Heartbeat, 0, new byte[9]), ErrorCode.ProtocolError },
        { "a hello of another stream", RawPeer.Frame(FrameType.Hello, 1, []), ErrorCode.ProtocolError },
        { "a hello that is too long", RawPeer.Frame(FrameType.Hello, 0, new byte[16_385]), ErrorCode.FrameTooLarge },
        { "a setting out of range", RawPeer.Frame(FrameType.Hello, 0, [1, 1, 5]), ErrorCode.ProtocolError },
        { "a setting given twice", RawPeer.Frame(FrameType.Hello, 0, [4, 1, 5, 4, 1, 5]), ErrorCode.ProtocolError },
        { "a setting cut off", RawPeer.Frame(FrameType.Hello, 0, [4, 9, 5]), ErrorCode.ProtocolError },
        { "a name that is no text", RawPeer.Frame(FrameType.Hello, 0, [8, 1, 0xFF]), ErrorCode.ProtocolError },
    };

    [Theory]
    [MemberData(nameof(BeforeTheHello))]
    public async Task What_is_wrong_before_the_hello_closes_the_connection(string what, byte[] bytes, ErrorCode code)
    {
        Assert.NotEmpty(what);
        await using var peer = new RawPeer(Pair.EchoAsync);

        await peer.SendAsync(bytes);

        await peer.ClosedAsync(code);
        Assert.Equal(code, (await Assert.ThrowsAsync<ConnectionClosedException>(() => peer.Opening)).Code);
    }

    public static TheoryData<string, ErrorCode> AfterTheHello() => new()
    {
        { "second hello", ErrorCode.ProtocolError },
        { "frame too large", ErrorCode.FrameTooLarge },
        { "unknown type", ErrorCode.UnknownType },
        { "batch of a stream", ErrorCode.ProtocolError },
        { "data of no stream", ErrorCode.ProtocolError },
        { "even id", ErrorCode.ProtocolError },
        { "id goes back", ErrorCode.ProtocolError },
        { "id twice", ErrorCode.ProtocolError },
        { "data never opened", ErrorCode.ProtocolError },
        { "data of ours never opened", ErrorCode.ProtocolError },
        { "reset never opened", ErrorCode.ProtocolError },
        { "credit never opened", ErrorCode.ProtocolError },
        { "response to own stream", ErrorCode.ProtocolError },
        { "data after end", ErrorCode.StreamClosed },
        { "data after both ends", ErrorCode.StreamClosed },
        { "batch after end", ErrorCode.StreamClosed },
        { "stream credit", ErrorCode.CreditExceeded },
        { "tiny messages", ErrorCode.CreditExceeded },
        { "connection credit", ErrorCode.CreditExceeded },
        { "credit of 0", ErrorCode.ProtocolError },
        { "credit above", ErrorCode.CreditExceeded },
        { "credit overflow", ErrorCode.CreditExceeded },
        { "credit overflow of a stream", ErrorCode.CreditExceeded },
        { "credit of 3 bytes", ErrorCode.ProtocolError },
        { "end with more", ErrorCode.ProtocolError },
        { "end in a message", ErrorCode.ProtocolError },
        { "empty data", ErrorCode.ProtocolError },
        { "body without message", ErrorCode.ProtocolError },
        { "head cut off", ErrorCode.ProtocolError },
        { "bad block", ErrorCode.Compression },
        { "heartbeat of 8 bytes", ErrorCode.ProtocolError },
        { "heartbeat of kind 2", ErrorCode.ProtocolError },
        { "batch cut off", ErrorCode.ProtocolError },
        { "batch of stream 0", ErrorCode.ProtocolError },
        { "goodbye cut off", ErrorCode.ProtocolError },
        { "long reason", ErrorCode.ProtocolError },
        { "varint of 6 bytes", ErrorCode.ProtocolError },
        { "rapid reset", ErrorCode.Flood },
        { "heartbeats", ErrorCode.Flood },
        { "credits", ErrorCode.Flood },
        { "extensions", ErrorCode.Flood },
    };

    [Theory]
    [MemberData(nameof(AfterTheHello))]
    public async Task What_is_wrong_after_the_hello_closes_the_connection(string what, ErrorCode code)
    {
        // A clock that stands still refills no allowance.
        var options = new ConnectionOptions
        {
            Settings = new Settings { StreamCredit = 1_000, ConnectionCredit = 65_536 },
            Time = new FakeTimeProvider(),
            CancelledStreamsBurst = 20,
            ControlFramesBurst = 50,
        };
        // Takes nothing, so that no credit returns.
        await using var peer = await RawPeer.OpenAsync(call => new ValueTask(Task.Delay(Timeout.InfiniteTimeSpan, call.Aborted)), options);

        await peer.SendAsync(Wrong(peer, what));

        Assert.NotNull(await peer.ClosedAsync(code));
    }

    [Fact]
    public async Task Extensions_are_skipped()
    {
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync);

        await peer.SendAsync(RawPeer.Frame((FrameType)128, 77, new byte[1_000]), RawPeer.Frame((FrameType)255, 0, []), peer.Request(1, body: "hello"));

        Assert.Equal("hello", await peer.ReadMessageAsync(1));
    }

    [Fact]
    public async Task Headers_that_are_too_large_cost_the_stream_but_keep_the_tables_right()
    {
        var options = new ConnectionOptions { Settings = new Settings { MaxHeaderList = 1_024 } };
        await using var peer = await RawPeer.OpenAsync(call => call.RespondAsync(new HeaderList().Add("status", call.Headers["x-name"] ?? "none"), Array.Empty<byte>()), options);

        var large = Pair.Op().Add("x-name", "remembered");
        for (var i = 0; i < 40; i++)
            large.Add($"x-{i}", new string('v', 20));
        await peer.SendAsync(peer.Request(1, headers: large), peer.Request(3, headers: Pair.Op().Add("x-name", "remembered")));

        await peer.ResetAsync(1, ErrorCode.HeadersTooLarge);
        var answer = await peer.ReadAsync(FrameType.Response);
        Assert.Equal((3u, "remembered"), (answer.Stream, Decode(answer)["status"]));
    }

    [Fact]
    public async Task Frames_that_cross_a_reset_are_ignored_and_their_credit_returns()
    {
        var options = new ConnectionOptions { Settings = new Settings { StreamCredit = 65_536, ConnectionCredit = 65_536 } };
        await using var peer = await RawPeer.OpenAsync(
            call =>
            {
                if (call.Headers["op"] == "no")
                    throw new StreamException(ErrorCode.Unavailable, "");
                return Pair.EchoAsync(call);
            },
            options);
        await peer.SendAsync(peer.Request(1, FrameFlags.None, headers: Pair.Op("no")));
        await peer.ResetAsync(1, ErrorCode.Unavailable);

        // Ten times the connection's credit in all, which works only if it comes back.
        var granted = 65_536L;
        for (var sent = 0L; sent < 655_360; sent += 16_384)
        {
            while (granted < 16_384)
            {
                var credit = await peer.ReadAsync(FrameType.Credit);
                Assert.Equal(0u, credit.Stream);
                granted += System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(credit.Payload);
            }

            await peer.SendAsync(RawPeer.Data(1, FrameFlags.None, new byte[16_384]));
            granted -= 16_384;
        }

        await peer.SendAsync(peer.Request(3, body: "still here"));
        Assert.Equal("still here", await peer.ReadMessageAsync(3));
    }

    [Fact]
    public async Task What_comes_when_the_handler_is_over_gives_its_credit_back()
    {
        // The end of the answer waits for credit, so the stream is still open when nobody reads it any more.
        await using var peer = await RawPeer.OpenAsync(
            static call =>
            {
                _ = call.RespondAsync(Pair.Ok, new byte[1_000]).AsTask();
                return default;
            },
            new ConnectionOptions { Settings = new Settings { StreamCredit = 65_536, ConnectionCredit = 65_536 } },
            hello: new Settings { StreamCredit = 100 });
        await peer.SendAsync(peer.Request(1, FrameFlags.None));
        Assert.Equal(FrameType.Response, (await peer.ReadAsync()).Type);

        for (var i = 0; i < 3; i++)
            await peer.SendAsync(RawPeer.Data(1, FrameFlags.None, new byte[16_384]));

        RawFrame frame;
        do
            frame = await peer.ReadAsync();
        while (frame is not { Type: FrameType.Credit, Stream: 0 });
        Assert.InRange(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(frame.Payload), 32_768u, 65_536u);
    }

    [Fact]
    public async Task Callers_whose_requests_wait_for_credit_do_not_keep_it_from_each_other()
    {
        // Both sides answer before they have read, and neither caller can read before his request has left.
        var options = new ConnectionOptions { Settings = new Settings { StreamCredit = 65_536, ConnectionCredit = 65_536 }, InlineReplies = false };
        await using var pair = await Pair.OpenAsync(AnswerAsync, options, back: AnswerAsync);

        await Task.WhenAll(new[] { pair.Connector, pair.Acceptor }.SelectMany(side => Enumerable.Range(0, 4).Select(_ => AskAsync(side)))).WaitAsync(Pair.Limit, Cancellation);

        static async Task AskAsync(Connection side)
        {
            await using var call = await side.StartAsync(Pair.Op(), new byte[200_000], end: true);
            var answered = 0;
            while (await call.ReadAsync() is { } message)
            {
                using (message)
                    answered += message.Body.Length;
            }

            Assert.Equal(200_000, answered);
        }

        static async ValueTask AnswerAsync(IncomingCall call)
        {
            await call.RespondAsync(Pair.Ok);
            var reading = Task.Run(async () =>
            {
                while (await call.ReadAsync() is { } message)
                    message.Dispose();
            });
            for (var i = 0; i < 10; i++)
                await call.WriteAsync(new byte[20_000]);
            await reading;
            await call.CompleteAsync();
        }
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("Bearer wrong", false)]
    [InlineData("Bearer right", true)]
    public async Task Credentials_are_asked_for_once_at_the_hello(string? credential, bool accepted)
    {
        await using var peer = new RawPeer(Pair.EchoAsync, new ConnectionOptions { Authenticate = given => given == "Bearer right" ? given : null });

        await peer.SendAsync(RawPeer.Hello(new Settings { Authorization = credential }));

        if (accepted)
        {
            Assert.Equal(FrameType.Hello, (await peer.ReadAsync()).Type);
            await peer.Opening.WaitAsync(Pair.Limit, Cancellation);
            Assert.Null(peer.Subject.Peer!.Authorization);
            return;
        }

        Assert.DoesNotContain("wrong\"", await peer.ClosedAsync(ErrorCode.Unauthenticated));
        var error = await Assert.ThrowsAsync<ConnectionClosedException>(() => peer.Opening);
        Assert.Equal((ErrorCode.Unauthenticated, true), (error.Code, error.MayRetry));
    }

    [Fact]
    public async Task A_connector_tells_why_it_was_turned_away()
    {
        await using var peer = new RawPeer(subject: ConnectionRole.Connector);
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync()).Type);

        await peer.SendAsync(RawPeer.Goodbye(0, ErrorCode.Unauthenticated));

        var error = await Assert.ThrowsAsync<ConnectionClosedException>(() => peer.Opening.WaitAsync(Pair.Limit, Cancellation));
        Assert.Equal((ErrorCode.Unauthenticated, true), (error.Code, error.MayRetry));
    }

    [Theory]
    [InlineData("data before response")]
    [InlineData("second response")]
    [InlineData("response without a call")]
    public async Task Answers_out_of_order_close_the_connection(string what)
    {
        await using var peer = await RawPeer.OpenAsync(subject: ConnectionRole.Connector);
        await using var call = await peer.Subject.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);

        await peer.SendAsync(what switch
        {
            "data before response" => [RawPeer.Data(1, FrameFlags.None, "x"u8)],
            "second response" => [peer.Head(FrameType.Response, 1, FrameFlags.None, Pair.Ok), peer.Head(FrameType.Response, 1, FrameFlags.None, Pair.Ok)],
            _ => [peer.Head(FrameType.Response, 3, FrameFlags.None, Pair.Ok)],
        });

        await peer.ClosedAsync(ErrorCode.ProtocolError);
        await Assert.ThrowsAsync<ConnectionClosedException>(async () =>
        {
            while (await call.ReadAsync(Cancellation) is { } message)
                message.Dispose();
        });
    }

    private static byte[][] Wrong(RawPeer peer, string what)
    {
        var end = RawPeer.Data(1, FrameFlags.End, []);
        byte[][] frames = what switch
        {
            "second hello" => [RawPeer.Hello()],
            "frame too large" => [RawPeer.Frame(FrameType.Data, 1, new byte[65_537])],
            "unknown type" => [RawPeer.Frame((FrameType)9, 0, [])],
            "batch of a stream" => [RawPeer.Frame(FrameType.Batch, 1, [1, 0])],
            "data of no stream" => [RawPeer.Data(0, FrameFlags.None, "x"u8)],
            "even id" => [peer.Request(2)],
            "id goes back" => [peer.Request(5), peer.Request(3)],
            "id twice" => [peer.Request(5), peer.Request(5)],
            "data never opened" => [RawPeer.Data(7, FrameFlags.None, "x"u8)],
            "data of ours never opened" => [RawPeer.Data(2, FrameFlags.None, "x"u8)],
            "reset never opened" => [RawPeer.Reset(7, ErrorCode.Cancelled)],
            "credit never opened" => [RawPeer.Credit(7, 1)],
            "response to own stream" => [Open(), peer.Head(FrameType.Response, 1, FrameFlags.None, Pair.Ok)],
            "data after end" => [peer.Request(1), RawPeer.Data(1, FrameFlags.None, "x"u8)],
            "data after both ends" => [Open(), end, end],
            "batch after end" => [peer.Request(1), RawPeer.Frame(FrameType.Batch, 0, [1, 2, 65])],
            "stream credit" => [Open(), RawPeer.Data(1, FrameFlags.None, new byte[1_001])],
            "tiny messages" => [Open(), .. Enumerable.Repeat(RawPeer.Data(1, FrameFlags.None, []), 63)],
            "connection credit" => [.. Enumerable.Range(0, 66).SelectMany(i => new[] { peer.Request((uint)(1 + (2 * i)), FrameFlags.None), RawPeer.Data((uint)(1 + (2 * i)), FrameFlags.None, new byte[1_000]) })],
            "credit of 0" => [RawPeer.Credit(0, 0)],
            "credit above" => [RawPeer.Credit(0, 0x8000_0000)],
            "credit overflow" => [RawPeer.Credit(0, 0x7FFF_FFFF)],
            "credit overflow of a stream" => [Open(), RawPeer.Credit(1, 0x7FFF_FFFF)],
            "credit of 3 bytes" => [RawPeer.Frame(FrameType.Credit, 0, [0, 0, 1])],
            "end with more" => [Open(), RawPeer.Data(1, FrameFlags.End | FrameFlags.More, "x"u8)],
            "end in a message" => [Open(), RawPeer.Data(1, FrameFlags.More, "x"u8), RawPeer.Data(1, FrameFlags.End, [])],
            "empty data" => [Open(), RawPeer.Frame(FrameType.Data, 1, [])],
            "body without message" => [RawPeer.Frame(FrameType.Request, 1, [0, 0, 65])],
            "head cut off" => [RawPeer.Frame(FrameType.Request, 1, [0, 9, 65])],
            "bad block" => [RawPeer.Frame(FrameType.Request, 1, [0, 1, 0x80])],
            "heartbeat of 8 bytes" => [RawPeer.Frame(FrameType.Heartbeat, 0, new byte[8])],
            "heartbeat of kind 2" => [RawPeer.Frame(FrameType.Heartbeat, 0, [2, 0, 0, 0, 0, 0, 0, 0, 0])],
            "batch cut off" => [Open(), RawPeer.Frame(FrameType.Batch, 0, [1, 20, 65])],
            "batch of stream 0" => [RawPeer.Frame(FrameType.Batch, 0, [0, 2, 65])],
            "goodbye cut off" => [RawPeer.Frame(FrameType.Goodbye, 0, [0, 0, 0, 0])],
            "long reason" => [Open(), RawPeer.Frame(FrameType.Reset, 1, [16, .. new byte[1_025]])],
            "varint of 6 bytes" => [RawPeer.Frame(FrameType.Batch, 0, [0x80, 0x80, 0x80, 0x80, 0x80, 1])],
            "rapid reset" => [.. Enumerable.Range(0, 30).SelectMany(i => new[] { peer.Request((uint)(1 + (2 * i)), FrameFlags.None), RawPeer.Reset((uint)(1 + (2 * i)), ErrorCode.Cancelled) })],
            "heartbeats" => [.. Enumerable.Repeat(RawPeer.Frame(FrameType.Heartbeat, 0, new byte[9]), 60)],
            "credits" => [.. Enumerable.Repeat(RawPeer.Credit(0, 1), 60)],
            "extensions" => [.. Enumerable.Repeat(RawPeer.Frame((FrameType)200, 0, []), 60)],
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "not played here"),
        };
        return frames;

        byte[] Open() => peer.Request(1, FrameFlags.None);
    }

    private static HeaderList Decode(RawFrame head)
    {
        var rest = (ReadOnlySpan<byte>)head.Payload.AsSpan(1);
        var length = Varint.Read(ref rest);
        var list = new HeaderList();
        Assert.True(new HeaderDecoder().Decode(rest[..(int)length], list));
        return list;
    }

    private static byte[] Edit(byte[] bytes, int at, byte value)
    {
        bytes[at] = value;
        return bytes;
    }
}
