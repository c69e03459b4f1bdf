using Chasqui.Gateway.Scheduling;
using CsCheck;

namespace Chasqui.Gateway.Tests.Scheduling;

/// <summary>What holds whatever comes, in whatever order: the world itself asserts that nobody is given more than he has slots for.</summary>
public sealed class SchedulerPropertyTests
{
    private static readonly string[] _models = ["a", "b", "c"];

    private static readonly Gen<Shape> _shape = Gen.Select(
        Gen.Int[1, 4].List[1, 4], Gen.Int[1, 3], Gen.Bool, Gen.Int[1, 60], Gen.Int[0, 10_000],
        (slots, memory, shared, requests, seed) => new Shape(slots, memory, shared, requests, seed));

    [Fact]
    public void Nothing_is_lost_or_done_twice_and_no_slot_is_given_twice() => _shape.Sample(shape =>
    {
        var (world, tickets, cancelled) = Play(shape, vanish: false);

        Assert.Equal(tickets.Count, world.Done.Count + cancelled.Count);
        Assert.Equal(world.Done.Count, world.Done.Distinct().Count());
        Assert.Empty(world.Done.Intersect(cancelled));
        Assert.Equal((0, 0), (world.Scheduler.Waiting, world.Scheduler.Running));
        Assert.Empty(world.Scheduler.Lanes());
    }, iter: 400);

    [Fact]
    public void Nothing_is_lost_when_nodes_come_and_go() => _shape.Sample(shape =>
    {
        var (world, tickets, cancelled) = Play(shape, vanish: true);

        Assert.True(world.Scheduler.Waiting == 0, world.ToString());
        Assert.Equal(tickets.Count, world.Done.Count + cancelled.Count);
        Assert.Equal((0, 0), (world.Scheduler.Waiting, world.Scheduler.Running));
    }, iter: 400);

    [Fact]
    public void No_slot_is_free_while_somebody_waits_who_could_use_it() => Gen.Select(Gen.Int[1, 4].List[1, 4], Gen.Int[1, 60], Gen.Int[0, 10_000]).Sample((slots, requests, seed) =>
    {
        var random = new Random(seed);
        WorldNode[] nodes = [.. slots.Select((count, i) => new WorldNode($"n{i}", count, 1, "m") { Load = 0 })];
        var world = new World(null, nodes);
        for (var i = 0; i < requests; i++)
            world.At(random.NextDouble() * 5, () => world.Ask(new Ticket { Model = "m", Caller = new Caller { Id = $"c{random.Next(4)}" } }, random.NextDouble()));
        for (var step = 0.0; step < 40; step += 0.25)
        {
            world.Run(step);
            if (world.Scheduler.Waiting > 0)
                Assert.All(nodes, node => Assert.Equal(node.SlotCount, node.Running.Count));
        }
        Assert.Equal(requests, world.Done.Count);
    }, iter: 200);

    [Fact]
    public void Shares_are_within_five_hundredths_of_the_weights() => Gen.Select(Gen.Double[0.5, 8].List[2, 5], Gen.Int[1, 4], Gen.Int[0, 10_000]).Sample((weights, slots, seed) =>
    {
        var random = new Random(seed);
        var world = new World(new QueueOptions { MaxWait = TimeSpan.FromDays(1) }, new WorldNode("n", slots, 1, "m") { Load = 0 });
        var got = new double[weights.Count];
        var callers = weights.Select((weight, i) => new Caller { Id = $"c{i}", Weight = weight }).ToList();
        // Each has always more in line than is served; what they take differs, and from what was thought.
        for (var i = 0; i < callers.Count; i++)
        {
            var caller = callers[i];
            for (var n = 0; n < 1_500; n++)
                world.Ask(new Ticket { Model = "m", Caller = caller, Tokens = random.Next(50, 150), Owner = i }, 0.1, random.Next(20, 200));
        }

        Assert.Empty(world.Refused);
        world.Run(150 / (double)slots);

        foreach (var ticket in world.Done)
            got[(int)ticket.Owner!] += ticket.Charged;
        var (all, weight) = (world.Done.Sum(ticket => (double)ticket.Charged), weights.Sum());
        for (var i = 0; i < weights.Count; i++)
            Assert.InRange(got[i] / all, (weights[i] / weight) - 0.05, (weights[i] / weight) + 0.05);
    }, iter: 30);

    [Fact]
    public void Nobody_waits_longer_for_a_swap_than_the_bounds_of_the_others_allow() => Gen.Select(Gen.Int[2, 3], Gen.Double[0.1, 2], Gen.Int[0, 10_000]).Sample((models, load, seed) =>
    {
        var random = new Random(seed);
        var world = new World(null, new WorldNode("n", 2, 1, _models) { Load = load });
        // One model is asked for without end, the others now and then.
        for (var i = 0; i < 600; i++)
            world.At(i * 0.1, () => world.Ask(new Ticket { Model = "a", Caller = new Caller { Id = "flood" } }, 0.3));
        var others = new List<Ticket>();
        for (var i = 0; i < 10; i++)
        {
            var ticket = new Ticket { Model = _models[1 + random.Next(models - 1)], Caller = new Caller { Id = "other" } };
            others.Add(ticket);
            world.At(random.NextDouble() * 50, () => world.Ask(ticket, 0.3));
        }

        world.Run(120);

        // Its own bound, then for each other model its turn, what still runs, and a load.
        var most = 5 + ((models - 1) * (5 + load + 0.3 + load)) + 0.5;
        Assert.All(others, ticket => Assert.InRange(ticket.Waited.TotalSeconds, 0, most));
    }, iter: 100);

    private static (World World, List<Ticket> Tickets, HashSet<Ticket> Cancelled) Play(Shape shape, bool vanish)
    {
        var random = new Random(shape.Seed);
        WorldNode[] nodes = [.. shape.Slots.Select((count, i) => new WorldNode($"n{i}", count, shape.Memory, _models) { SharesSlots = shape.Shared, Load = random.NextDouble() })];
        var world = new World(new QueueOptions { SwapBound = TimeSpan.FromSeconds(random.Next(4)) }, nodes);
        var tickets = new List<Ticket>();
        var cancelled = new HashSet<Ticket>();
        for (var i = 0; i < shape.Requests; i++)
        {
            var ticket = new Ticket
            {
                Model = _models[random.Next(3)],
                Caller = new Caller { Id = $"c{random.Next(4)}", Weight = 1 + random.Next(3) },
                Priority = (PriorityClass)random.Next(3),
                Tokens = random.Next(1, 500),
                Node = random.Next(8) == 0 ? nodes[random.Next(nodes.Length)].Name : null,
            };
            tickets.Add(ticket);
            var at = random.NextDouble() * 10;
            world.At(at, () => world.Ask(ticket, random.NextDouble() * 2, random.Next(3) == 0 ? random.Next(1, 900) : null));
            if (random.Next(5) == 0)
            {
                world.At(at + random.NextDouble(), () =>
                {
                    if (world.Scheduler.Cancel(ticket, world.Now))
                        cancelled.Add(ticket);
                });
            }
        }
        for (var i = 0; vanish && i < 6; i++)
        {
            var node = nodes[random.Next(nodes.Length)];
            var at = random.NextDouble() * 10;
            world.At(at, () =>
            {
                node.IsUsable = false;
                world.Scheduler.Changed(world.Now);
            });
            world.At(at + random.NextDouble(), () =>
            {
                node.IsUsable = true;
                world.Scheduler.Changed(world.Now);
            });
        }
        world.Run();
        return (world, tickets, cancelled);
    }

    private sealed record Shape(List<int> Slots, int Memory, bool Shared, int Requests, int Seed);
}
