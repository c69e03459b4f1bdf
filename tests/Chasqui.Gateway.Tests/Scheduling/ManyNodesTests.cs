using Chasqui.Gateway.Scheduling;
using CsCheck;

namespace Chasqui.Gateway.Tests.Scheduling;

/// <summary>What a scheduler does not look at one by one when there are many of them.</summary>
public sealed class ManyNodesTests
{
    [Fact]
    public void All_slots_of_hundreds_of_nodes_are_used()
    {
        WorldNode[] nodes = [.. Enumerable.Range(0, 300).Select(i => new WorldNode($"n{i}", 2, 1, "m") { Load = 0 })];
        var world = new World(null, nodes);

        for (var i = 0; i < 601; i++)
            world.Ask(new Ticket { Model = "m" }, 1);

        Assert.Equal((600, 1), (world.Scheduler.Running, world.Scheduler.Waiting));
        Assert.All(nodes, node => Assert.Equal(2, node.Running.Count));
    }

    [Fact]
    public void The_expected_wait_follows_what_happens_to_many_nodes()
    {
        WorldNode[] nodes = [.. Enumerable.Range(0, 40).Select(i => new WorldNode($"n{i}", 1, 1, "m") { Load = 0 })];
        var world = new World(null, nodes);
        for (var i = 0; i < 40; i++)
            world.Ask(new Ticket { Model = "m" }, 1);
        var first = new Ticket { Model = "m" };
        world.Ask(first, 1);

        world.Scheduler.Use(nodes[..4], TimeSpan.Zero);
        var second = new Ticket { Model = "m" };
        world.Ask(second, 1);

        Assert.Equal(TimeSpan.FromSeconds(1.0 / 40), first.ExpectedWait);
        Assert.Equal(TimeSpan.FromSeconds(2.0 / 4), second.ExpectedWait);
    }

    [Fact]
    public void The_heap_finds_whoever_has_had_least() => Gen.Select(Gen.Int[0, 2], Gen.Int[0, 30], Gen.Int[0, 20]).List[0, 300].Sample(steps =>
    {
        var heap = new ShareHeap<CallerShare>();
        var shares = Enumerable.Range(0, 31).Select(i => new CallerShare(i.ToString(System.Globalization.CultureInfo.InvariantCulture), i)).ToList();
        var inside = new HashSet<CallerShare>();
        foreach (var (kind, which, tokens) in steps)
        {
            var share = shares[which];
            if (kind == 0 && inside.Add(share))
            {
                heap.Add(share);
            }
            else if (kind == 1 && inside.Remove(share))
            {
                heap.Remove(share);
            }
            else if (kind == 2)
            {
                // Back in time, too: what was estimated may have been too much.
                share.Charge(tokens - 8);
                if (inside.Contains(share))
                    heap.Changed(share);
            }
            Assert.Same(inside.OrderBy(one => one.VirtualTime).ThenBy(one => one.Number).FirstOrDefault(), heap.Min);
            Assert.Equal(inside.Count, heap.Count);
        }
    });
}
