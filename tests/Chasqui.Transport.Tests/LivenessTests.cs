using Chasqui.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

/// <summary>Silence, and peers that take nothing.</summary>
public sealed class LivenessTests
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ConnectionOptions Options => new() { Time = _time, Settings = new Settings { HeartbeatMs = 1_000 } };

    [Fact]
    public async Task Silence_is_asked_about_and_then_ends_the_connection()
    {
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync, Options);

        // The silence begins with the first look at the clock after the hello.
        _time.Advance(0.3 * _second);
        _time.Advance(_second);
        var ask = await peer.ReadAsync();
        Assert.Equal((FrameType.Heartbeat, 0), (ask.Type, ask.Payload[0]));
        _time.Advance(_second);
        Assert.False(peer.Subject.Closed.IsCompleted);
        _time.Advance(_second);

        await peer.ClosedAsync(ErrorCode.HeartbeatTimeout);
    }

    [Fact]
    public async Task A_message_that_gets_no_credit_in_time_ends_its_stream_and_no_other()
    {
        var failed = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var options = Options with { StallTimeout = 5 * _second, Settings = new Settings { HeartbeatMs = 600_000 } };
        await using var peer = await RawPeer.OpenAsync(
            async call =>
            {
                try
                {
                    // The peer gives no credit at all, so no part of it leaves later.
                    var sending = call.RespondAsync(Pair.Ok, new byte[1_000]);
                    waits.TrySetResult();
                    await sending;
                }
                catch (Exception e)
                {
                    failed.TrySetResult(e);
                    throw;
                }
            },
            options,
            hello: new Settings { StreamCredit = 0 });

        await peer.SendAsync(peer.Request(1));
        await waits.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        _time.Advance(4 * _second);
        Assert.False(failed.Task.IsCompleted);
        _time.Advance(_second);
        _time.Advance(_second);

        var error = Assert.IsType<StreamException>(await failed.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal((ErrorCode.Deadline, "no credit came for 5 s while a message waited"), (error.Code, error.Reason));
        Assert.False(peer.Subject.Closed.IsCompleted);
    }

    [Fact]
    public async Task Any_frame_is_a_sign_of_life()
    {
        await using var peer = await RawPeer.OpenAsync(call => call.RespondAsync(Pair.Ok, "x"u8.ToArray()), Options);

        for (var i = 0; i < 10; i++)
        {
            _time.Advance(0.9 * _second);
            await peer.SendAsync(peer.Request((uint)(1 + (2 * i))));
            // Nothing but answers: nobody asked.
            Assert.Equal(FrameType.Response, (await peer.ReadAsync()).Type);
        }
    }

    [Fact]
    public async Task An_ask_is_answered_with_its_own_bytes()
    {
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync, Options);

        await peer.SendAsync(RawPeer.Frame(FrameType.Heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));

        Assert.Equal([1, 1, 2, 3, 4, 5, 6, 7, 8], (await peer.ReadAsync(FrameType.Heartbeat)).Payload);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_hello_that_does_not_come_in_time_ends_it(bool half)
    {
        await using var peer = new RawPeer(Pair.EchoAsync, Options);
        if (half)
            await peer.SendAsync(RawPeer.Hello()[..9]);

        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(peer.Subject.Closed.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        await peer.ClosedAsync(ErrorCode.HandshakeTimeout);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_costs_a_bounded_buffer_and_is_closed()
    {
        var options = new ConnectionOptions { Time = _time, ControlFramesBurst = int.MaxValue };
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync, options, buffer: 64 * 1024);
        var ask = RawPeer.Frame(FrameType.Heartbeat, 0, new byte[9]);
        var sent = 0;
        var sending = Task.Run(
            async () =>
            {
                // Answers that nobody reads.
                for (; sent < 1_000_000; sent++)
                    await peer.SendAsync(ask);
            },
            Cancellation);

        Assert.True(await CallTests.EventuallyAsync(() => peer.Subject.Outbox.IsBehind, true));
        Assert.InRange(Volatile.Read(ref sent), 1, 200_000);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(peer.Subject.Closed.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        var reason = await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation);
        Assert.Equal((ErrorCode.HeartbeatTimeout, "the peer takes no bytes"), (reason.Code, reason.Reason));
        await sending.WaitAsync(Pair.Limit, Cancellation).ContinueWith(t => t.Exception, TaskScheduler.Default);
        Assert.InRange(sent, 1, 1_000_000);
    }
}
