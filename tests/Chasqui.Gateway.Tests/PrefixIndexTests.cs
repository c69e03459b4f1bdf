using CsCheck;

namespace Chasqui.Gateway.Tests;

public sealed class PrefixIndexTests
{
    [Fact]
    public void What_was_computed_is_found_up_to_where_prompts_part()
    {
        var index = new PrefixIndex();
        index.Touch([1, 2, 3, 4]);

        Assert.Equal(4, index.Match([1, 2, 3, 4]));
        Assert.Equal(4, index.Match([1, 2, 3, 4, 5, 6, 7]));
        Assert.Equal(2, index.Match([1, 2, 30, 40, 50]));
        Assert.Equal(0, index.Match([10, 20]));
        Assert.Equal(0, index.Match([]));
    }

    [Fact]
    public void The_least_recently_used_end_is_forgotten_first()
    {
        var index = new PrefixIndex(6);
        index.Touch([1, 2, 3]);
        index.Touch([10, 20, 30]);
        index.Touch([1, 2, 3]);

        index.Touch([100, 200]);

        Assert.Equal(3, index.Match([1, 2, 3]));
        Assert.Equal(1, index.Match([10, 20, 30]));
        Assert.Equal(2, index.Match([100, 200]));
        Assert.Equal(6, index.Count);
    }

    [Fact]
    public void Asking_makes_nothing_newer()
    {
        var index = new PrefixIndex(2);
        index.Touch([1]);
        index.Touch([2]);
        _ = index.Match([1]);

        index.Touch([3]);

        Assert.Equal(0, index.Match([1]));
        Assert.Equal(1, index.Match([2]));
    }

    [Fact]
    public void Of_a_prompt_beyond_the_capacity_the_beginning_is_kept()
    {
        var index = new PrefixIndex(3);
        index.Touch([1, 2, 3, 4, 5]);

        Assert.Equal(3, index.Match([1, 2, 3, 4, 5]));
        Assert.Equal(3, index.Count);
    }

    [Fact]
    public void A_node_that_was_started_anew_has_nothing()
    {
        var index = new PrefixIndex();
        index.Touch([1, 2]);

        index.Clear();

        Assert.Equal(0, index.Match([1, 2]));
        Assert.Equal(0, index.Count);
        index.Touch([1]);
        Assert.Equal(1, index.Match([1, 2]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData((1 << 24) + 1)]
    public void A_capacity_out_of_range_is_refused(int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PrefixIndex(capacity));

    /// <summary>Against the plainest cache there is. Prompts are paths in a tree, so that they share beginnings; a hash tells its whole path.</summary>
    [Fact]
    public void It_agrees_with_a_plain_least_recently_used_list() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 3].Array[0, 12].Array[1, 60]).Sample((capacity, paths) =>
        {
            var index = new PrefixIndex(capacity);
            var plain = new LinkedList<ulong>();
            foreach (var path in paths)
            {
                var blocks = Blocks(path);
                var expected = blocks.TakeWhile(plain.Contains).Count();
                Assert.Equal(expected, index.Match(blocks));

                index.Touch(blocks);
                foreach (var block in blocks.Take(capacity).Reverse())
                {
                    plain.Remove(block);
                    plain.AddFirst(block);
                    if (plain.Count > capacity)
                        plain.RemoveLast();
                }
                Assert.Equal(plain.Count, index.Count);
            }
        });

    [Fact]
    public void Once_it_is_full_nothing_is_allocated()
    {
        var index = new PrefixIndex(1000);
        var blocks = new ulong[200];
        for (var round = 0; round < 10; round++)
            Touch(round);
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var round = 10; round < 100; round++)
            Touch(round);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Touch(int round)
        {
            for (var i = 0; i < blocks.Length; i++)
                blocks[i] = ((ulong)round << 32) + (ulong)i;
            index.Touch(blocks);
            _ = index.Match(blocks);
        }
    }

    [Fact]
    public async Task Many_may_use_it_at_once()
    {
        var index = new PrefixIndex(500);
        await Task.WhenAll(Enumerable.Range(1, 8).Select(user => Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                ulong[] blocks = [.. Enumerable.Range(1, 20).Select(b => ((ulong)user << 40) + ((ulong)(i % 50) << 20) + (ulong)b)];
                index.Touch(blocks);
                Assert.InRange(index.Match(blocks), 0, 20);
            }
        }, TestContext.Current.CancellationToken)));

        Assert.Equal(500, index.Count);
    }

    private static ulong[] Blocks(int[] path)
    {
        var blocks = new ulong[path.Length];
        var hash = 7ul;
        for (var i = 0; i < path.Length; i++)
            blocks[i] = hash = (hash * 4) + (ulong)path[i];
        return blocks;
    }
}
