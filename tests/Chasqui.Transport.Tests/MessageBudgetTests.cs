using System.Text;
using Chasqui.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

/// <summary>A message for which there is no room gets no credit; its reader is told after a while, and can still answer.</summary>
public sealed class MessageBudgetTests
{
    private const int Part = 64 * 1024;

    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Budget _budget = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ConnectionOptions Options => new()
    {
        Time = _time,
        Settings = new Settings { HeartbeatMs = 600_000, StreamCredit = 2 * Part, MaxFrame = 2 * Part },
        BudgetOf = _ => _budget,
    };

    [Fact]
    public async Task Without_room_there_is_no_credit_and_then_a_refusal_that_can_be_answered()
    {
        _budget.Most = 100 * 1024;
        await using var peer = await RawPeer.OpenAsync(
            async call =>
            {
                try
                {
                    await call.ReadAsync();
                    await call.RespondAsync(Pair.Ok, "read"u8.ToArray());
                }
                catch (InvalidOperationException e)
                {
                    await call.RespondAsync(Pair.Ok, Encoding.UTF8.GetBytes(e.Message));
                }
            },
            Options);

        await peer.SendAsync(peer.Request(1, FrameFlags.None));
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, new byte[Part]));
        Assert.Equal(FrameType.Credit, (await peer.ReadAsync()).Type);
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, new byte[Part]));
        // The answer to it says that all before was taken: no credit went out.
        await peer.SendAsync(RawPeer.Frame(FrameType.Heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.Equal(FrameType.Heartbeat, (await peer.ReadAsync()).Type);
        _time.Advance(_second);
        _time.Advance(_second);
        _time.Advance(_second);

        var frame = await peer.ReadAsync();
        while (frame.Type == FrameType.Credit)
            frame = await peer.ReadAsync();
        Assert.Equal(FrameType.Response, frame.Type);
        Assert.EndsWith("no room", Encoding.UTF8.GetString(frame.Payload));
        Assert.Equal(0, _budget.Held);
    }

    [Fact]
    public async Task Room_that_comes_gives_credit_and_the_message_becomes_whole()
    {
        _budget.Most = 100 * 1024;
        var length = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = await RawPeer.OpenAsync(
            async call =>
            {
                using var message = (await call.ReadAsync())!.Value;
                length.TrySetResult(message.Body.Length);
                await call.RespondAsync(Pair.Ok, "x"u8.ToArray());
            },
            Options);

        await peer.SendAsync(peer.Request(1, FrameFlags.None));
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, new byte[Part]));
        Assert.Equal(FrameType.Credit, (await peer.ReadAsync()).Type);
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, new byte[Part]));
        await peer.SendAsync(RawPeer.Frame(FrameType.Heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.Equal(FrameType.Heartbeat, (await peer.ReadAsync()).Type);
        _budget.Most = 1 << 20;
        _time.Advance(_second);
        var credit = await peer.ReadAsync();
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.End, new byte[Part]));

        Assert.Equal((FrameType.Credit, 1u), (credit.Type, credit.Stream));
        Assert.Equal(3 * Part, await length.Task.WaitAsync(Pair.Limit, Cancellation));
    }

    [Fact]
    public async Task Silence_is_that_of_a_request_that_somebody_waits_for()
    {
        var calls = new TaskCompletionSource<IncomingCall>(TaskCreationOptions.RunContinuationsAsynchronously);
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = await RawPeer.OpenAsync(
            async call =>
            {
                calls.TrySetResult(call);
                await read.Task;
                try
                {
                    await call.ReadAsync();
                }
                catch (TimeoutException e)
                {
                    told.TrySetResult(e);
                }
                await call.RespondAsync(Pair.Ok, "x"u8.ToArray());
            },
            Options);

        await peer.SendAsync(peer.Request(1, FrameFlags.None));
        var call = await calls.Task.WaitAsync(Pair.Limit, Cancellation);
        Assert.Null(call.Silence);
        await peer.SendAsync(RawPeer.Data(1, FrameFlags.More, new byte[100]));
        await peer.SendAsync(RawPeer.Frame(FrameType.Heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.Equal(FrameType.Heartbeat, (await peer.ReadAsync()).Type);
        _time.Advance(3 * _second);
        Assert.Equal(3 * _second, call.Silence);
        call.EndRequest(new TimeoutException());
        read.TrySetResult();

        Assert.IsType<TimeoutException>(await told.Task.WaitAsync(Pair.Limit, Cancellation));
        Assert.Equal(FrameType.Response, (await peer.ReadAsync()).Type);
        Assert.Equal(0, _budget.Held);
    }

    private sealed class Budget : IMessageBudget
    {
        private long _held;

        public long Most { get; set; } = 1 << 20;

        public long Held => Volatile.Read(ref _held);

        public TimeSpan Patience => TimeSpan.FromSeconds(2);

        public bool TryTake(long bytes)
        {
            if (Held + bytes > Most)
                return false;
            Take(bytes);
            return true;
        }

        public void Take(long bytes) => Interlocked.Add(ref _held, bytes);

        public void Return(long bytes) => Interlocked.Add(ref _held, -bytes);

        public Exception Refusal() => new InvalidOperationException("no room");
    }
}
