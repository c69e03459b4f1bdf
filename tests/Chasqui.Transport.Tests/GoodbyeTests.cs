using Chasqui.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

public sealed class GoodbyeTests
{
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Running_streams_end_in_peace_and_new_ones_go_elsewhere(bool connectorSays)
    {
        await using var pair = await Pair.OpenAsync(GatedAsync);
        await using var call = await pair.Connector.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);
        await call.GetResponseAsync(Cancellation);

        var goodbye = (connectorSays ? pair.Connector : pair.Acceptor).GoodbyeAsync(Pair.Limit, Cancellation);
        await CallTests.EventuallyAsync(() => pair.Connector.IsHealthy || pair.Acceptor.IsHealthy, false);
        foreach (var side in new[] { pair.Connector, pair.Acceptor })
        {
            var error = await Assert.ThrowsAsync<ConnectionClosedException>(async () => await side.CallAsync(Pair.Op(), Array.Empty<byte>(), ct: Cancellation));
            Assert.True(error.MayRetry);
        }

        Assert.False(goodbye.IsCompleted);
        _go.SetResult();
        using var message = await call.ReadAsync(Cancellation);
        Assert.Equal(4, message!.Value.Body.Length);
        Assert.Null(await call.ReadAsync(Cancellation));
        await goodbye.WaitAsync(Pair.Limit, Cancellation);
        Assert.Equal(ErrorCode.NoError, (await pair.Connector.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
        Assert.Equal(ErrorCode.NoError, (await pair.Acceptor.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
    }

    [Fact]
    public async Task Both_may_say_it_at_once()
    {
        await using var pair = await Pair.OpenAsync(GatedAsync);

        await Task.WhenAll(pair.Connector.GoodbyeAsync(Pair.Limit, Cancellation), pair.Acceptor.GoodbyeAsync(Pair.Limit, Cancellation)).WaitAsync(Pair.Limit, Cancellation);

        Assert.Equal((ErrorCode.NoError, ErrorCode.NoError), ((await pair.Connector.Closed).Code, (await pair.Acceptor.Closed).Code));
    }

    [Fact]
    public async Task What_is_not_over_in_time_is_cut_off()
    {
        var time = new FakeTimeProvider();
        await using var pair = await Pair.OpenAsync(GatedAsync, new ConnectionOptions { Time = time, InlineReplies = false });
        await using var call = await pair.Connector.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);
        await call.GetResponseAsync(Cancellation);

        var goodbye = pair.Acceptor.GoodbyeAsync(TimeSpan.FromSeconds(5), Cancellation);
        time.Advance(TimeSpan.FromSeconds(6));

        await goodbye.WaitAsync(Pair.Limit, Cancellation);
        var error = await Assert.ThrowsAsync<StreamException>(async () => await call.ReadAsync(Cancellation));
        Assert.Equal((ErrorCode.Unavailable, false), (error.Code, error.MayRetry));
    }

    [Fact]
    public async Task Who_goes_resets_what_is_not_over_in_time_each_with_a_code()
    {
        var time = new FakeTimeProvider();
        await using var peer = await RawPeer.OpenAsync(GatedAsync, new ConnectionOptions { Time = time });
        await peer.SendAsync(peer.Request(1), peer.Request(3));
        await peer.ReadAsync(FrameType.Response);
        await peer.ReadAsync(FrameType.Response);

        var goodbye = peer.Subject.GoodbyeAsync(TimeSpan.FromSeconds(5), Cancellation);
        await peer.ReadAsync(FrameType.Goodbye);
        time.Advance(TimeSpan.FromSeconds(6));

        await peer.ResetAsync(1, ErrorCode.Unavailable);
        await peer.ResetAsync(3, ErrorCode.Unavailable);
        await peer.CutAsync();
        await goodbye.WaitAsync(Pair.Limit, Cancellation);
    }

    [Fact]
    public async Task Streams_above_the_last_that_was_taken_may_be_sent_elsewhere()
    {
        await using var peer = await RawPeer.OpenAsync(subject: ConnectionRole.Connector);
        await using var first = await peer.Subject.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);
        await using var second = await peer.Subject.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);

        await peer.SendAsync(RawPeer.Goodbye(1));

        var error = await Assert.ThrowsAsync<StreamException>(async () => await second.GetResponseAsync(Cancellation));
        Assert.Equal((ErrorCode.Refused, true), (error.Code, error.MayRetry));
        await peer.SendAsync(peer.Head(FrameType.Response, 1, FrameFlags.Message | FrameFlags.End, Pair.Ok, "done"u8));
        using var message = await first.ReadAsync(Cancellation);
        Assert.Equal("done"u8, message!.Value.Body.Span);
        await peer.ReadAsync(FrameType.Goodbye);
        await peer.CutAsync();
        Assert.Equal(ErrorCode.NoError, (await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
    }

    [Fact]
    public async Task An_abort_ends_all_streams_of_both_sides_with_its_code()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = await Pair.OpenAsync(async call =>
        {
            await using var registration = call.Aborted.Register(aborted.SetResult);
            await call.RespondAsync(Pair.Ok);
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Aborted);
        });
        await using var call = await pair.Connector.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);
        await call.GetResponseAsync(Cancellation);

        pair.Acceptor.Abort(ErrorCode.Internal, "the house burns");

        var error = await Assert.ThrowsAsync<ConnectionClosedException>(async () => await call.ReadAsync(Cancellation));
        Assert.Equal((ErrorCode.Internal, "the house burns", false), (error.Code, error.Reason, error.MayRetry));
        await aborted.Task.WaitAsync(Pair.Limit, Cancellation);
        Assert.True((await pair.Connector.Closed.WaitAsync(Pair.Limit, Cancellation)).ByPeer);
    }

    private async ValueTask GatedAsync(IncomingCall call)
    {
        await call.RespondAsync(Pair.Ok);
        await _go.Task.WaitAsync(call.Aborted);
        await call.WriteAsync(new byte[4], end: true);
    }
}
