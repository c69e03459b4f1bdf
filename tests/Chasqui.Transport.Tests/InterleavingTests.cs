using Chasqui.Protocol;
using CsCheck;

namespace Chasqui.Transport.Tests;

/// <summary>Many streams at once, of all kinds, against what each of them would see alone.</summary>
public sealed class InterleavingTests
{
    private enum Ending
    {
        Both,
        CallerLeaves,
        HandlerFails,
    }

    private sealed record Plan(bool AcceptorOpens, int[] Asked, int[] Answered, StreamPriority Priority, Ending Ending, int After, bool Slow);

    private static readonly Gen<int> _size = Gen.Frequency((6, Gen.Int[0, 100]), (2, Gen.Int[0, 20_000]), (1, Gen.Int[0, 200_000]));

    private static readonly Gen<Plan> _plan = Gen.Select(
        Gen.Bool, _size.Array[0, 6], _size.Array[0, 12], Gen.Int[0, 2], Gen.Frequency((4, Gen.Const(Ending.Both)), (1, Gen.Const(Ending.CallerLeaves)), (1, Gen.Const(Ending.HandlerFails))),
        Gen.Int[0, 6], Gen.Bool,
        (acceptor, asked, answered, priority, ending, after, slow) => new Plan(acceptor, asked, answered, (StreamPriority)priority, ending, after, slow));

    [Fact]
    public async Task Each_stream_sees_its_own_messages_and_no_credit_is_lost() =>
        await Gen.Select(_plan.Array[1, 24], OneOf(16u, 1_000u, 65_536u, 262_144u), OneOf(65_536u, 200_000u, 4_194_304u), Gen.Int[1, 30])
            .SampleAsync(async test => await RunAsync(test.Item1, test.Item2, test.Item3, (uint)test.Item4), iter: 60, threads: 1, writeLine: TestContext.Current.TestOutputHelper!.WriteLine);

    private static Gen<uint> OneOf(params uint[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static async Task RunAsync(Plan[] plans, uint streamCredit, uint connectionCredit, uint maxStreams)
    {
        var options = new ConnectionOptions
        {
            Settings = new Settings { StreamCredit = streamCredit, ConnectionCredit = connectionCredit, MaxStreams = maxStreams },
            InlineReplies = false,
        };
        // With little credit a large message takes as many turns as it has bytes.
        plans = [.. plans.Select(plan => plan with { Asked = Shortened(plan.Asked), Answered = Shortened(plan.Answered) })];
        // An empty message together with the end is only an end.
        int[] Shortened(int[] sizes) => [.. sizes.Select((size, i) => (int)Math.Min(i == sizes.Length - 1 ? Math.Max(size, 1) : size, streamCredit * 50L))];
        var unplanned = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        async ValueTask Handle(IncomingCall call)
        {
            try
            {
                await AnswerAsync(call, plans);
            }
            catch (Exception e) when (e is not StreamException)
            {
                unplanned.Enqueue(e);
                throw;
            }
        }

        await using var pair = await Pair.OpenAsync(Handle, options, back: Handle);

        await Task.WhenAll(plans.Select((plan, i) => Task.Run(() => AskAsync(plan.AcceptorOpens ? pair.Acceptor : pair.Connector, plan, i)))).WaitAsync(Pair.Limit).ContinueWith(
            asked => unplanned.TryDequeue(out var e) ? throw e : asked, TaskScheduler.Default).Unwrap();

        Assert.Equal((0, 0), await CallTests.EventuallyAsync(() => (pair.Connector.ActiveStreams, pair.Acceptor.ActiveStreams), (0, 0)));
        foreach (var (sender, receiver) in new[] { (pair.Connector, pair.Acceptor), (pair.Acceptor, pair.Connector) })
            Assert.Equal(connectionCredit, await CallTests.EventuallyAsync(() => Credit(sender, receiver), connectionCredit));
    }

    /// <summary>What the sender may send, and what is kept back by the receiver until it is worth a frame.</summary>
    private static long Credit(Connection sender, Connection receiver)
    {
        lock (receiver.Gate)
        {
            lock (sender.Gate)
                return sender.Flow.SendCredit + receiver.Flow.Receiving.Returned;
        }
    }

    private static async Task AskAsync(Connection connection, Plan plan, int index)
    {
        var first = plan.Asked.Length > 0 ? Body(index, 0, plan.Asked[0]) : default(ReadOnlyMemory<byte>);
        OutgoingCall call;
        try
        {
            call = await connection.StartAsync(Pair.Op($"{index}"), first, end: plan.Asked.Length <= 1, plan.Priority);
        }
        catch (StreamException e)
        {
            // The handler failed before it had the whole first message.
            Assert.Equal((Ending.HandlerFails, ErrorCode.EngineFailed, "as planned"), (plan.Ending, e.Code, e.Reason));
            return;
        }

        var writing = Task.Run(async () =>
        {
            for (var i = 1; i < plan.Asked.Length; i++)
                await call.WriteAsync(Body(index, i, plan.Asked[i]), end: i == plan.Asked.Length - 1);
        });
        var count = 0;
        try
        {
            while (await call.ReadAsync() is { } message)
            {
                using (message)
                    Assert.True(message.Body.Span.SequenceEqual(Body(~index, count, plan.Answered[count]).Span), $"answer {count} of stream {index} is another");
                count++;
                if (plan.Ending == Ending.CallerLeaves && count > plan.After)
                    break;
                if (plan.Slow)
                    await Task.Yield();
            }

            var whole = plan.Ending == Ending.Both || (plan.Ending == Ending.CallerLeaves && plan.After >= plan.Answered.Length);
            Assert.True(!whole || count == plan.Answered.Length, $"stream {index} ended after {count} of {plan.Answered.Length} answers");
            Assert.True(plan.Ending != Ending.HandlerFails, $"stream {index} should have failed");
        }
        catch (StreamException e)
        {
            Assert.Equal((Ending.HandlerFails, ErrorCode.EngineFailed, "as planned"), (plan.Ending, e.Code, e.Reason));
            Assert.InRange(count, 0, plan.Answered.Length);
        }

        await call.DisposeAsync();
        try
        {
            await writing;
        }
        catch (Exception e) when (plan.Ending != Ending.Both && e is StreamException or InvalidOperationException)
        {
            // What the other side no longer wants cannot be written.
            return;
        }
    }

    private static async ValueTask AnswerAsync(IncomingCall call, Plan[] plans)
    {
        var index = int.Parse(call.Headers["op"]!, System.Globalization.CultureInfo.InvariantCulture);
        var plan = plans[index];
        Assert.Equal(plan.Priority, call.Priority);
        await call.RespondAsync(Pair.Ok);
        var reading = Task.Run(async () =>
        {
            var count = 0;
            while (await call.ReadAsync() is { } message)
            {
                using (message)
                    Assert.True(message.Body.Span.SequenceEqual(Body(index, count, plan.Asked[count]).Span), $"question {count} of stream {index} is another");
                count++;
            }

            Assert.Equal(plan.Asked.Length, count);
        });
        for (var i = 0; i < plan.Answered.Length; i++)
        {
            if (plan.Ending == Ending.HandlerFails && i == plan.After)
                break;
            await call.WriteAsync(Body(~index, i, plan.Answered[i]));
        }

        if (plan.Ending == Ending.HandlerFails)
            throw new StreamException(ErrorCode.EngineFailed, "as planned");
        try
        {
            await reading;
        }
        catch (StreamException) when (plan.Ending == Ending.CallerLeaves)
        {
            return;
        }

        await call.CompleteAsync();
    }

    private static ReadOnlyMemory<byte> Body(int stream, int message, int size)
    {
        var bytes = new byte[size];
        new Random((stream * 397) ^ message).NextBytes(bytes);
        return bytes;
    }
}
