using System.Text;
using Chasqui.Protocol;

namespace Chasqui.Transport.Tests;

/// <summary>Who writes first, and what leaves together.</summary>
public sealed class SchedulingTests
{
    private static readonly Settings _generous = new() { StreamCredit = int.MaxValue, ConnectionCredit = int.MaxValue };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Urgent_normal_and_batch_share_the_turns_16_to_4_to_1()
    {
        await using var peer = await RawPeer.OpenAsync(subject: ConnectionRole.Connector, hello: _generous, buffer: 1_024);
        var priorities = new Dictionary<uint, StreamPriority>();
        var calls = new List<OutgoingCall>();
        var message = new byte[2_000_000];
        for (var i = 0; i < 9; i++)
        {
            var call = await peer.Subject.StartAsync(Pair.Op(), default, end: false, (StreamPriority)(i % 3), Cancellation);
            priorities[call.Id] = call.Priority;
            calls.Add(call);
        }

        var writing = calls.Select(call => call.WriteAsync(message, end: true, Cancellation).AsTask()).ToList();

        var order = new List<uint>();
        while (order.Count < 200)
            order.Add((await peer.ReadAsync(FrameType.Data)).Stream);
        Assert.DoesNotContain(writing, task => task.IsCompleted);

        // What was in the buffer before all were in line does not count.
        var turns = order.Skip(20).Take(21 * 8).ToList();
        var shares = turns.CountBy(stream => priorities[stream]).ToDictionary();
        Assert.Equal((16 * 8, 4 * 8, 8), (shares[StreamPriority.Urgent], shares[StreamPriority.Normal], shares[StreamPriority.Batch]));
        // Within a class they take turns.
        var urgent = turns.Where(stream => priorities[stream] == StreamPriority.Urgent).ToList();
        Assert.All(Enumerable.Range(0, urgent.Count - 2), i => Assert.Equal(3, urgent.Skip(i).Take(3).Distinct().Count()));
        foreach (var call in calls)
            call.Cancel();
        foreach (var task in writing)
            await Assert.ThrowsAsync<StreamException>(() => task.WaitAsync(Pair.Limit, Cancellation));
    }

    [Fact]
    public async Task A_decode_step_of_32_streams_is_one_frame()
    {
        const int streams = 32;
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var written = new SemaphoreSlim(0);
        await using var peer = await RawPeer.OpenAsync(
            async call =>
            {
                await call.RespondAsync(Pair.Ok);
                await go.Task;
                await call.WriteAsync("token"u8.ToArray());
                written.Release();
                await Task.Delay(Timeout.InfiniteTimeSpan, call.Aborted);
            },
            hello: _generous,
            buffer: 2_048);
        await peer.SendAsync([.. Enumerable.Range(0, streams).Select(i => peer.Request((uint)(1 + (2 * i))))]);
        for (var i = 0; i < streams; i++)
            Assert.Equal(FrameType.Response, (await peer.ReadAsync()).Type);
        // A write that the peer does not take keeps the writer busy.
        await using var filler = await peer.Subject.StartAsync(Pair.Op(), new byte[4_000], end: true, ct: Cancellation).AsTask().WaitAsync(Pair.Limit, Cancellation);
        await peer.SeeAsync();
        go.SetResult();
        for (var i = 0; i < streams; i++)
            Assert.True(await written.WaitAsync(Pair.Limit, Cancellation));

        Assert.Equal(FrameType.Request, (await peer.ReadAsync()).Type);
        var step = await peer.ReadAsync();

        Assert.Equal(FrameType.Batch, step.Type);
        var entries = new Dictionary<uint, string>();
        var batch = new BatchReader(step.Payload);
        while (batch.Next())
            entries.Add(batch.Stream, Encoding.ASCII.GetString(batch.Body));
        Assert.Equal(streams, entries.Count);
        Assert.All(entries.Values, text => Assert.Equal("token", text));
        Assert.InRange((FrameHeader.Size + step.Payload.Length) / (double)streams, 5, 8.5);
    }

    [Fact]
    public async Task A_message_waits_for_credit_and_a_part_that_never_left_can_be_withdrawn()
    {
        await using var peer = await RawPeer.OpenAsync(subject: ConnectionRole.Connector, hello: new Settings { StreamCredit = 100 });
        await using var call = await peer.Subject.StartAsync(Pair.Op(), new byte[100], end: false, ct: Cancellation);
        await peer.ReadAsync(FrameType.Request);
        using var source = new CancellationTokenSource();
        var withdrawn = call.WriteAsync(new byte[50], ct: source.Token);
        Assert.False(withdrawn.IsCompleted);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await withdrawn);

        var waiting = call.WriteAsync("abcdefghijklmnopqrstuvwxyz"u8.ToArray(), end: true, Cancellation);
        await peer.SendAsync(RawPeer.Credit(1, 20));
        var part = await peer.ReadAsync(FrameType.Data);
        Assert.False(waiting.IsCompleted);
        await peer.SendAsync(RawPeer.Credit(1, 20));
        var rest = await peer.ReadAsync(FrameType.Data);
        await waiting.AsTask().WaitAsync(Pair.Limit, Cancellation);

        Assert.Equal((byte)FrameFlags.More, part.Payload[0]);
        Assert.Equal((byte)FrameFlags.End, rest.Payload[0]);
        Assert.Equal("abcdefghijklmnopqrstuvwxyz", Encoding.ASCII.GetString([.. part.Payload.Skip(1), .. rest.Payload.Skip(1)]));
    }
}
