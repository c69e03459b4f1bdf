using Chasqui.Gateway.Merging;
using CsCheck;

namespace Chasqui.Gateway.Tests.Merging;

public sealed class SharedStreamTests
{
    private sealed record Shape(int Items, int Capacity, int Seed);

    private static readonly Gen<Shape> _shape = Gen.Select(Gen.Int[0, 60], Gen.Int[1, 200], Gen.Int[0, 100_000], (items, capacity, seed) => new Shape(items, capacity, seed));

    [Fact]
    public async Task Each_reader_gets_the_same_whatever_the_interleaving() => await _shape.SampleAsync(PlayAsync, iter: 500, threads: 1);

    private static async Task PlayAsync(Shape shape)
    {
        var random = new Random(shape.Seed);
        var deserted = 0;
        var stream = new SharedStream<byte[]>(shape.Capacity, item => item.Length, () => deserted++);
        byte[][] items = [.. Enumerable.Range(0, shape.Items).Select(i => Enumerable.Repeat((byte)i, random.Next(1, 12)).ToArray())];
        var readers = new List<(SharedReader<byte[]> Reader, List<byte> Got, bool[] Left)>();
        var next = 0;
        var writing = Task.CompletedTask;
        var written = 0L;
        Join();
        while (readers.Any(entry => !entry.Left[0]))
        {
            switch (random.Next(8))
            {
                case 0 when readers.Count < 8:
                    Join();
                    break;
                case 1 when random.Next(6) == 0:
                    Leave(readers[random.Next(readers.Count)]);
                    break;
                case <= 4 when writing.IsCompleted:
                    await writing;
                    if (next < items.Length)
                    {
                        written += items[next].Length;
                        writing = stream.WriteAsync(items[next++], CancellationToken.None).AsTask();
                    }
                    else
                    {
                        stream.Complete();
                    }
                    break;
                default:
                    var entry = readers[random.Next(readers.Count)];
                    if (entry.Left[0])
                        break;
                    if (entry.Reader.TryRead(out var item))
                        entry.Got.AddRange(item);
                    else if (stream.IsComplete)
                        Leave(entry);
                    break;
            }
            // What is kept is bounded, but for the one item that was too much.
            Assert.True(stream.Items.Sum(kept => kept.Length) <= shape.Capacity + 12 + 11);
            await Task.Yield();
        }
        byte[] all = [.. items.SelectMany(item => item)];
        Assert.All(readers, entry => Assert.Equal(all.AsSpan(0, entry.Got.Count).ToArray(), entry.Got));
        Assert.Equal(stream.IsComplete ? 0 : 1, deserted);
        Assert.Null(stream.IsComplete ? null : stream.TryJoin());

        void Join()
        {
            var isWhole = written <= shape.Capacity;
            var isDeserted = readers.Count > 0 && readers.All(entry => entry.Left[0]);
            var reader = stream.TryJoin();
            Assert.Equal(isWhole && !isDeserted, reader is not null);
            if (reader is not null)
                readers.Add((reader, [], [false]));
        }

        void Leave((SharedReader<byte[]> Reader, List<byte> Got, bool[] Left) entry)
        {
            if (entry.Left[0])
                return;
            if (!stream.IsComplete || entry.Reader.TryRead(out _))
            {
                entry.Left[0] = true;
                entry.Reader.Dispose();
                return;
            }
            // Whoever stays to the end has all.
            Assert.Equal(items.Sum(item => item.Length), entry.Got.Count);
            entry.Left[0] = true;
            entry.Reader.Dispose();
        }
    }

    [Fact]
    public async Task A_slow_reader_holds_the_others_back_only_once_the_bound_is_reached()
    {
        var stream = new SharedStream<string>(10, text => text.Length, () => { });
        using var slow = stream.TryJoin()!;
        using var fast = stream.TryJoin()!;
        for (var i = 0; i < 10; i++)
            Assert.True(stream.WriteAsync("x", CancellationToken.None).AsTask().IsCompleted);
        Assert.True(stream.IsWhole);
        Assert.True(stream.WriteAsync("1", CancellationToken.None).AsTask().IsCompleted);
        Assert.Null(stream.TryJoin());
        var held = stream.WriteAsync("2", CancellationToken.None).AsTask();
        for (var i = 0; i < 12; i++)
            Assert.True(fast.TryRead(out _));
        Assert.False(held.IsCompleted);
        Assert.True(slow.TryRead(out _));
        await held;
    }

    [Fact]
    public async Task A_failure_is_told_behind_what_was_said()
    {
        var generations = new SharedGenerations<string>(text => text.Length);
        var go = new TaskCompletionSource();
        using var first = generations.Join("k", 100, RunAsync, out var isFirst);
        using var second = generations.Join("k", 100, RunAsync, out var isSecondFirst);
        Assert.Equal((true, false, 1), (isFirst, isSecondFirst, generations.Running));
        go.SetResult();
        foreach (var reader in new[] { first, second })
        {
            Assert.Equal((true, "said"), await reader.ReadAsync(CancellationToken.None));
            await Assert.ThrowsAsync<EngineFailedException>(async () => await reader.ReadAsync(CancellationToken.None));
        }
        using var third = generations.Join("k", 100, (_, _) => Task.CompletedTask, out var isThirdFirst);
        Assert.True(isThirdFirst);
        Assert.False((await third.ReadAsync(CancellationToken.None)).HasItem);

        async Task RunAsync(SharedStream<string> stream, CancellationToken token)
        {
            await stream.WriteAsync("said", token);
            await go.Task;
            throw new EngineFailedException("it broke");
        }
    }

    [Fact]
    public async Task It_ends_when_the_last_reader_leaves_and_not_when_the_first_does()
    {
        var generations = new SharedGenerations<string>(text => text.Length);
        var ended = new TaskCompletionSource();
        var first = generations.Join("k", 100, RunAsync, out _);
        var second = generations.Join("k", 100, RunAsync, out _);
        first.Dispose();
        Assert.False(ended.Task.IsCompleted);
        second.Dispose();
        await ended.Task;
        using var third = generations.Join("k", 100, RunAsync, out var isFirst);
        Assert.True(isFirst);

        async Task RunAsync(SharedStream<string> stream, CancellationToken token)
        {
            try
            {
                await Task.Delay(Timeout.Infinite, token);
            }
            finally
            {
                ended.TrySetResult();
            }
        }
    }
}
