using System.Text;
using Chasqui.Protocol;

namespace Chasqui.Transport.Tests;

public sealed class CallTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_319)]
    [InlineData(16_320)]
    [InlineData(16_321)]
    [InlineData(70_000)]
    [InlineData(300_000)]
    [InlineData(5_000_000)]
    public async Task One_message_each_way(int size)
    {
        await using var pair = await Pair.OpenAsync(async call =>
        {
            using var message = await call.ReadAsync() ?? default;
            await call.RespondAsync(Pair.Ok, message.Body.ToArray());
        });
        var body = Bytes(size);

        using var reply = await pair.Connector.CallAsync(Pair.Op(), body, ct: Cancellation).AsTask().WaitAsync(Pair.Limit, Cancellation);

        Assert.Equal("200", reply.Headers["status"]);
        Assert.True(body.AsSpan().SequenceEqual(reply.Body.Span));
        Assert.Equal((0, 0), (pair.Connector.ActiveStreams, await EventuallyAsync(() => pair.Acceptor.ActiveStreams, 0)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_messages_both_ways_from_either_side(bool acceptorOpens)
    {
        await using var pair = await Pair.OpenAsync(Pair.EchoAsync, back: Pair.EchoAsync);
        var opener = acceptorOpens ? pair.Acceptor : pair.Connector;
        await using var call = await opener.StartAsync(Pair.Op(), Bytes(3), end: false, ct: Cancellation);
        int[] sizes = [0, 1, 100_000, 16, 0, 40_000, 5];
        foreach (var size in sizes)
            await call.WriteAsync(Bytes(size), ct: Cancellation);
        await call.CompleteAsync();

        var got = new List<byte[]>();
        await foreach (var message in call.ReadAllAsync(Cancellation))
        {
            using (message)
                got.Add(message.Body.ToArray());
        }

        Assert.Equal(acceptorOpens ? 2u : 1u, call.Id);
        Assert.Equal([3, .. sizes], got.Select(b => b.Length));
        Assert.All(got, b => Assert.Equal(Bytes(b.Length), b));
    }

    [Fact]
    public async Task More_calls_than_the_peer_lets_be_open_wait_for_each_other()
    {
        var (running, most) = (0, 0);
        var options = new ConnectionOptions { Settings = new Settings { MaxStreams = 8 } };
        await using var pair = await Pair.OpenAsync(
            async call =>
            {
                lock (options)
                    most = Math.Max(most, ++running);
                await Task.Yield();
                using var message = await call.ReadAsync();
                lock (options)
                    running--;
                await call.RespondAsync(Pair.Ok, message!.Value.Body.ToArray());
            },
            options,
            new ConnectionOptions { InlineReplies = false });

        var calls = Enumerable.Range(0, 500).Select(async i =>
        {
            using var reply = await pair.Connector.CallAsync(Pair.Op(), BitConverter.GetBytes(i), ct: Cancellation);
            return BitConverter.ToInt32(reply.Body.Span);
        });

        Assert.Equal(Enumerable.Range(0, 500), await Task.WhenAll(calls).WaitAsync(Pair.Limit, Cancellation));
        Assert.InRange(most, 2, 8);
    }

    [Fact]
    public async Task Calls_beyond_those_that_may_wait_are_refused()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = await Pair.OpenAsync(
            async call =>
            {
                await go.Task;
                await call.RespondAsync(Pair.Ok, Array.Empty<byte>());
            },
            new ConnectionOptions { Settings = new Settings { MaxStreams = 1 } },
            new ConnectionOptions { MaxWaitingCalls = 2, InlineReplies = false });
        var calls = Enumerable.Range(0, 3).Select(_ => pair.Connector.CallAsync(Pair.Op(), Array.Empty<byte>(), ct: Cancellation).AsTask()).ToList();

        var error = await Assert.ThrowsAsync<StreamException>(async () => await pair.Connector.CallAsync(Pair.Op(), Array.Empty<byte>(), ct: Cancellation));
        go.SetResult();

        Assert.Equal((ErrorCode.Refused, true), (error.Code, error.MayRetry));
        await Task.WhenAll(calls).WaitAsync(Pair.Limit, Cancellation);
    }

    [Fact]
    public async Task A_cancelled_call_tells_the_handler_and_leaves_the_connection_whole()
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = await Pair.OpenAsync(async call =>
        {
            if (call.Headers["op"] == "echo")
            {
                await Pair.EchoAsync(call);
                return;
            }

            begun.SetResult();
            await using var registration = call.Aborted.Register(told.SetResult);
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Aborted);
        });
        using var source = new CancellationTokenSource();
        var waiting = pair.Connector.CallAsync(Pair.Op(), Bytes(10), ct: source.Token);
        await begun.Task.WaitAsync(Pair.Limit, Cancellation);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await told.Task.WaitAsync(Pair.Limit, Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Connector.CallAsync(Pair.Op(), Bytes(1), ct: source.Token));
        using var reply = await pair.Connector.CallAsync(Pair.Op("echo"), Bytes(5), ct: Cancellation);
        Assert.Equal(5, reply.Body.Length);
    }

    [Fact]
    public async Task What_a_handler_throws_reaches_the_caller_as_a_code()
    {
        await using var pair = await Pair.OpenAsync(async call =>
        {
            if (call.Headers["op"] == "late")
                await Task.Yield();
            throw call.Headers["op"] == "known" ? new StreamException(ErrorCode.Unavailable, "gone fishing") : new InvalidOperationException("a secret");
        });

        var known = await Assert.ThrowsAsync<StreamException>(async () => await pair.Connector.CallAsync(Pair.Op("known"), Bytes(1), ct: Cancellation));
        var unknown = await Assert.ThrowsAsync<StreamException>(async () => await pair.Connector.CallAsync(Pair.Op("late"), Bytes(1), ct: Cancellation));

        Assert.Equal((ErrorCode.Unavailable, "gone fishing"), (known.Code, known.Reason));
        Assert.Equal(ErrorCode.Internal, unknown.Code);
        Assert.DoesNotContain("secret", unknown.Reason);
    }

    [Fact]
    public async Task A_handler_that_forgets_to_answer_does_not_leave_its_caller_waiting()
    {
        await using var pair = await Pair.OpenAsync(_ => default);

        var error = await Assert.ThrowsAsync<StreamException>(async () => await pair.Connector.CallAsync(Pair.Op(), Bytes(1), ct: Cancellation));

        Assert.Equal(ErrorCode.Internal, error.Code);
    }

    [Fact]
    public async Task An_answer_may_end_before_the_request()
    {
        await using var pair = await Pair.OpenAsync(call => call.RespondAsync(Pair.Ok, Encoding.UTF8.GetBytes("enough")));
        await using var call = await pair.Connector.StartAsync(Pair.Op(), Bytes(1), end: false, ct: Cancellation);

        using var message = await call.ReadAsync(Cancellation);
        Assert.Equal("enough", Encoding.UTF8.GetString(message!.Value.Body.Span));
        Assert.Null(await call.ReadAsync(Cancellation));

        Assert.Equal(0, await EventuallyAsync(() => pair.Connector.ActiveStreams, 0));
    }

    [Fact]
    public async Task A_reader_that_begins_late_finds_everything()
    {
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var pair = await Pair.OpenAsync(async call =>
        {
            await call.RespondAsync(Pair.Ok);
            for (var i = 0; i < 3_000; i++)
                await call.WriteAsync(BitConverter.GetBytes(i), end: i == 2_999);
            sent.SetResult();
        });
        await using var call = await pair.Connector.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);
        await sent.Task.WaitAsync(Pair.Limit, Cancellation);

        var seen = new List<int>();
        await foreach (var message in call.ReadAllAsync(Cancellation))
        {
            using (message)
                seen.Add(BitConverter.ToInt32(message.Body.Span));
        }

        Assert.Equal(Enumerable.Range(0, 3_000), seen);
    }

    [Fact]
    public async Task A_reader_that_blocks_its_thread_holds_up_nobody_else()
    {
        await using var pair = await Pair.OpenAsync(async call =>
        {
            await call.RespondAsync(Pair.Ok);
            while (await call.ReadAsync() is { } ask)
            {
                ask.Dispose();
                await call.WriteAsync(Bytes(4));
            }

            await call.CompleteAsync();
        });
        using var release = new ManualResetEventSlim();
        var calls = new List<OutgoingCall>();
        for (var i = 0; i < 4; i++)
            calls.Add(await pair.Connector.StartAsync(Pair.Op(), default, end: false, ct: Cancellation));
        // Not on the threads of the test's own context, of which there are few.
        var readers = calls.Select((call, i) => Task.Run(
            async () =>
            {
                using (await call.ReadAsync(Cancellation).ConfigureAwait(false))
                {
                    // The first that is told blocks until all others have been told too.
                    if (i == 0)
                        Assert.True(release.Wait(Pair.Limit, Cancellation));
                }
            },
            Cancellation)).ToList();

        foreach (var call in calls)
            await call.WriteAsync(Bytes(1), end: true, ct: Cancellation);
        await Task.WhenAll(readers.Skip(1)).WaitAsync(Pair.Limit, Cancellation);
        release.Set();

        await readers[0].WaitAsync(Pair.Limit, Cancellation);
        foreach (var call in calls)
            await call.DisposeAsync();
    }

    [Fact]
    public async Task A_message_above_the_limit_ends_its_stream_alone()
    {
        await using var pair = await Pair.OpenAsync(Pair.EchoAsync, new ConnectionOptions { MaxMessageBytes = 100_000 }, new ConnectionOptions { InlineReplies = false });

        var error = await Assert.ThrowsAsync<StreamException>(async () => await pair.Connector.CallAsync(Pair.Op(), Bytes(100_001), ct: Cancellation));
        using var reply = await pair.Connector.CallAsync(Pair.Op(), Bytes(100_000), ct: Cancellation);

        Assert.Equal(ErrorCode.MessageTooLarge, error.Code);
        Assert.Equal(100_000, reply.Body.Length);
    }

    [Fact]
    public async Task All_incomplete_messages_together_are_bounded()
    {
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync, new ConnectionOptions { MaxIncompleteBytes = 50_000 });

        await peer.SendAsync(peer.Request(1, FrameFlags.None), peer.Request(3, FrameFlags.None));
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, Bytes(30_000)), RawPeer.Data(3, FrameFlags.More, Bytes(30_000)));

        await peer.ResetAsync(3, ErrorCode.MessageTooLarge);
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.End, Bytes(1)));
        Assert.Equal(30_001, (await peer.ReadMessageAsync(1)).Length);
    }

    [Fact]
    public async Task Misuse_is_told_at_once()
    {
        await using var pair = await Pair.OpenAsync(async call =>
        {
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await call.WriteAsync(Bytes(1), ct: Cancellation));
            await call.RespondAsync(Pair.Ok);
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await call.RespondAsync(Pair.Ok, Cancellation));
            await call.CompleteAsync();
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await call.WriteAsync(Bytes(1), ct: Cancellation));
        });
        using var reply = await pair.Connector.CallAsync(Pair.Op(), Bytes(1), ct: Cancellation);

        Assert.True(reply.Body.IsEmpty);
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.Connector.OpenAsync(Cancellation));
    }

    [Fact]
    public async Task A_side_without_a_handler_refuses_streams()
    {
        await using var pair = await Pair.OpenAsync(Pair.EchoAsync);

        var error = await Assert.ThrowsAsync<StreamException>(async () => await pair.Acceptor.CallAsync(Pair.Op(), Bytes(1), ct: Cancellation));

        Assert.Equal((ErrorCode.Refused, true), (error.Code, error.MayRetry));
    }

    internal static byte[] Bytes(int size) => [.. Enumerable.Range(0, size).Select(i => (byte)(i * 31 + size))];

    internal static async Task<T> EventuallyAsync<T>(Func<T> get, T expected)
    {
        using var limit = new CancellationTokenSource(Pair.Limit);
        while (!Equals(get(), expected) && !limit.IsCancellationRequested)
            await Task.Yield();
        return get();
    }
}
