using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Tests.Scheduling;

/// <summary>Who runs next, and where.</summary>
public sealed class SchedulerTests
{
    private static readonly Caller _a = new() { Id = "a" };
    private static readonly Caller _b = new() { Id = "b" };

    [Fact]
    public void What_is_free_is_given_at_once()
    {
        var world = new World(null, new WorldNode("n", 2, 1, "m"));

        world.Ask(Of("m"), 1);
        world.Ask(Of("m"), 1);
        world.Ask(Of("m"), 1);

        Assert.Equal((2, 1), (world.Scheduler.Running, world.Scheduler.Waiting));
        world.Run();
        Assert.Equal(3, world.Done.Count);
        // The first one loads: 2 s. The third begins when a slot is free.
        Assert.Equal(TimeSpan.FromSeconds(3), world.Done[^1].Waited);
    }

    [Fact]
    public void Callers_take_turns_however_many_one_of_them_sends()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var order = new List<string>();
        world.OnGrant = ticket => order.Add(ticket.Caller.Id);
        for (var i = 0; i < 10; i++)
            world.Ask(Of("m", _a), 1);
        for (var i = 0; i < 3; i++)
            world.Ask(Of("m", _b), 1);

        world.Run();

        Assert.Equal("a a b a b a b a a a a a a", string.Join(' ', order));
    }

    [Fact]
    public void Tokens_count_and_not_requests()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var order = new List<string>();
        world.OnGrant = ticket => order.Add(ticket.Caller.Id);
        for (var i = 0; i < 4; i++)
            world.Ask(Of("m", _a, tokens: 300), 1);
        for (var i = 0; i < 8; i++)
            world.Ask(Of("m", _b, tokens: 100), 1);

        world.Run();

        Assert.Equal("a a b b b a b b b a b b", string.Join(' ', order));
    }

    [Fact]
    public void What_was_estimated_too_low_is_paid_for_later()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var order = new List<string>();
        world.OnGrant = ticket => order.Add(ticket.Caller.Id);
        for (var i = 0; i < 3; i++)
            world.Ask(Of("m", _a, tokens: 10), 1, actual: 40);
        for (var i = 0; i < 8; i++)
            world.Ask(Of("m", _b, tokens: 10), 1, actual: 10);

        world.Run();

        Assert.Equal("a b b b a b b b b a b", string.Join(' ', order));
    }

    [Fact]
    public void The_more_urgent_class_comes_first_and_the_others_do_not_starve()
    {
        var world = new World(new QueueOptions { AgingAfter = TimeSpan.FromSeconds(20) }, new WorldNode("n", 1, 1, "m"));
        var batch = new List<TimeSpan>();
        world.OnGrant = ticket =>
        {
            if (ticket.Priority == PriorityClass.Batch)
                batch.Add(ticket.Waited);
        };
        world.Ask(Of("m"), 1);
        for (var i = 0; i < 5; i++)
            world.Ask(Of("m", _a, priority: PriorityClass.Batch), 1);
        // Twice as many as there is room for, for 100 s.
        for (var i = 0; i < 200; i++)
            world.At(i / 2.0, () => world.Ask(Of("m", _b, priority: PriorityClass.Interactive), 1));

        world.Run(100);

        // The first after 20 s and seven others, then one of eight.
        Assert.Equal(5, batch.Count);
        Assert.InRange(batch[0].TotalSeconds, 20, 30);
        Assert.InRange(batch[4].TotalSeconds, 52, 64);
    }

    [Fact]
    public void Models_are_swapped_once_each_where_nobody_waits_too_long()
    {
        var world = new World(null, new WorldNode("n", 4, 1, "a", "b", "c") { Load = 0.5 });
        for (var i = 0; i < 120; i++)
        {
            var model = ((string[])["a", "b", "c"])[i % 3];
            world.At(i * 0.02, () => world.Ask(Of(model), 0.1));
        }

        world.Run();

        Assert.Equal(120, world.Done.Count);
        Assert.InRange(world.Scheduler.Loads, 3, 5);
        Assert.True(world.Done.Max(ticket => ticket.Waited) < TimeSpan.FromSeconds(8), world.Done.Max(ticket => ticket.Waited).ToString());
    }

    [Fact]
    public void A_model_that_waits_for_its_bound_is_loaded_whatever_else_waits()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "a", "b"));
        for (var i = 0; i < 100; i++)
            world.Ask(Of("a", _a), 0.5);
        var late = Of("b", _b);
        world.Ask(late, 0.5);

        world.Run(20);

        Assert.Equal(TicketState.Gone, late.State);
        Assert.InRange(late.Waited.TotalSeconds, 5, 8);
        Assert.Equal(WaitCause.Swap, late.Cause);
    }

    [Fact]
    public void A_model_stays_for_its_time_once_it_is_loaded()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "a", "b") { Load = 1 });
        for (var i = 0; i < 100; i++)
        {
            world.Ask(Of("a", _a), 0.5);
            world.Ask(Of("b", _b), 0.5);
        }

        world.Run(60);

        // A turn is the bound, what runs at its end, and a load.
        Assert.InRange(world.Scheduler.Loads, 8, 13);
    }

    [Fact]
    public void Several_nodes_are_filled_together()
    {
        var world = new World(null, new WorldNode("n1", 4, 1, "a", "b") { Load = 1 }, new WorldNode("n2", 4, 1, "a", "b") { Load = 1 });
        for (var i = 0; i < 40; i++)
            world.Ask(Of("a"), 1);

        world.Run();

        Assert.Equal(2, world.Scheduler.Loads);
        Assert.Equal(40, world.Done.Count);
        Assert.InRange(world.Now.TotalSeconds, 5, 7.1);
    }

    [Fact]
    public void What_does_not_fit_is_never_asked_for()
    {
        var world = new World(null, new WorldNode("n", 1, 0, "m"));

        world.Ask(Of("m"), 1);
        world.Run();

        Assert.Equal(1, world.Scheduler.Waiting);
        Assert.Empty(world.Done);
    }

    [Fact]
    public void One_more_than_may_wait_is_refused_and_told_where_it_would_have_been()
    {
        var world = new World(new QueueOptions { MaxWaiting = 5, MaxWaitingPerCaller = 3 }, new WorldNode("n", 1, 1, "m"));
        world.Ask(Of("m"), 1);
        for (var i = 0; i < 4; i++)
            world.Ask(Of("m", _a), 1);
        for (var i = 0; i < 3; i++)
            world.Ask(Of("m", _b), 1);

        Assert.Equal([RefusalCause.CallerFull, RefusalCause.Full], world.Refused.Select(one => one.Refusal.Cause));
        Assert.Equal(4, world.Refused[0].Refusal.Position);
        Assert.True(world.Refused[0].Refusal.ExpectedWait > TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void Who_would_wait_too_long_is_refused_at_once()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        for (var i = 0; i < 20; i++)
            world.Ask(Of("m", _a), 1);

        world.Ask(Of("m", _a, maxWait: TimeSpan.FromSeconds(10)), 1);
        world.Ask(Of("m", _b, maxWait: TimeSpan.FromSeconds(10)), 1);

        // The other caller has a share of his own, and so would not.
        var refused = Assert.Single(world.Refused);
        Assert.Equal((RefusalCause.Deadline, _a), (refused.Refusal.Cause, refused.Ticket.Caller));
    }

    [Fact]
    public void Whose_time_is_up_is_taken_out()
    {
        var world = new World(new QueueOptions { MaxWait = TimeSpan.FromSeconds(100) }, new WorldNode("n", 1, 1, "m"));
        world.Ask(Of("m"), 1000);
        var ticket = Of("m");
        world.Ask(ticket, 1);

        Assert.Null(world.Scheduler.TakeLate(TimeSpan.FromSeconds(99)));
        Assert.Same(ticket, world.Scheduler.TakeLate(TimeSpan.FromSeconds(100)));
        Assert.Equal(0, world.Scheduler.Waiting);
        Assert.Null(world.Scheduler.TakeLate(TimeSpan.FromSeconds(101)));
    }

    [Fact]
    public void A_hundred_thousand_that_wait_can_leave_at_once()
    {
        var world = new World(new QueueOptions { MaxWaiting = 200_000, MaxWaitingPerCaller = 200_000, MaxWait = TimeSpan.FromDays(9) }, new WorldNode("n", 1, 1, "m"));
        var tickets = Enumerable.Range(0, 100_001).Select(i => Of("m", new Caller { Id = $"c{i % 1000}" })).ToList();
        foreach (var ticket in tickets)
            world.Ask(ticket, 1);
        Assert.Equal(100_000, world.Scheduler.Waiting);

        Assert.Equal(100_000, tickets.Count(ticket => world.Scheduler.Cancel(ticket, world.Now)));

        Assert.Equal(0, world.Scheduler.Waiting);
        Assert.Empty(world.Scheduler.Lanes());
        world.Run();
        Assert.Single(world.Done);
    }

    [Fact]
    public void A_node_that_vanishes_leaves_its_slots_to_nobody_and_its_requests_their_end()
    {
        var gone = new WorldNode("n1", 1, 1, "m");
        var other = new WorldNode("n2", 1, 1, "m");
        var world = new World(null, gone, other);
        var first = Of("m");
        world.Ask(first, 10);
        world.Ask(Of("m"), 10);
        world.Ask(Of("m"), 1);

        world.Scheduler.Use([other], world.Now);
        world.Run();

        Assert.Equal(3, world.Done.Count);
        Assert.Equal(0, world.Scheduler.Running);
    }

    [Fact]
    public void A_clock_that_jumps_back_stands_still()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        world.Ask(Of("m"), 1);
        var ticket = Of("m");
        world.Scheduler.Enqueue(ticket, TimeSpan.FromSeconds(50));

        world.Scheduler.Changed(TimeSpan.FromSeconds(10));
        world.Scheduler.Release(world.Nodes[0].Running[0], null, true, TimeSpan.FromSeconds(20));

        Assert.Equal((TicketState.Granted, TimeSpan.Zero), (ticket.State, ticket.Waited));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_weight_that_is_none_stops_nobody(double weight)
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        for (var i = 0; i < 5; i++)
        {
            world.Ask(Of("m", new Caller { Id = "odd", Weight = weight }), 1);
            world.Ask(Of("m", _b), 1);
        }

        world.Run();

        Assert.Equal(10, world.Done.Count);
    }

    [Fact]
    public void Who_was_away_has_saved_up_nothing()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var order = new List<string>();
        for (var i = 0; i < 50; i++)
            world.Ask(Of("m", _a), 1);
        world.At(30, () =>
        {
            world.OnGrant = ticket => order.Add(ticket.Caller.Id);
            for (var i = 0; i < 10; i++)
                world.Ask(Of("m", _b), 1);
        });

        world.Run(40);

        Assert.InRange(order.Count(id => id == "b"), 4, 6);
    }

    [Fact]
    public void Those_who_share_a_request_pay_each_for_their_part_of_it()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var order = new List<string>();
        world.OnGrant = ticket => order.Add(ticket.Caller.Id);
        // Of 300 tokens in truth a third is a's and two thirds are b's, in whose name nothing was asked.
        world.Ask(new Ticket { Model = "m", Caller = _a, Tokens = 90, Sharers = [new TicketShare(_a, 1), new TicketShare(_b, 2)] }, 1, actual: 300);
        for (var i = 0; i < 6; i++)
            world.Ask(Of("m", _a, tokens: 50), 1);
        for (var i = 0; i < 4; i++)
            world.Ask(Of("m", _b, tokens: 50), 1);

        world.Run();

        Assert.Equal("a a a a b a b a b a b", string.Join(' ', order));
    }

    [Fact]
    public void Parts_add_up_to_the_whole_whatever_they_are()
    {
        var shares = new Shares();
        Caller[] callers = [_a, _b, new Caller { Id = "c" }];
        var ticket = new Ticket { Model = "m", Tokens = 100, Sharers = [.. callers.Select((caller, i) => new TicketShare(caller, (i * 7) + 3))] };

        shares.Begin(ticket);
        var all = callers.Select(shares.Of).ToList();
        Assert.All(all, share => Assert.True(share.IsActive));
        Assert.Equal(100, all.Sum(share => share.VirtualTime));
        shares.End(ticket, 1_001);

        Assert.Equal(1_001, all.Sum(share => share.VirtualTime));
        Assert.All(all, share => Assert.False(share.IsActive));
    }

    [Fact]
    public void A_node_may_be_asked_for_by_name_and_one_that_failed_is_left_out()
    {
        var world = new World(null, new WorldNode("n1", 4, 1, "m"), new WorldNode("n2", 4, 1, "m"));
        var named = Of("m", node: "n2");
        var retried = new Ticket { Model = "m", Tried = [world.Nodes[1]] };

        world.Ask(named, 1);
        world.Ask(retried, 1);

        Assert.Equal(("n2", "n1"), (named.Granted!.Name, retried.Granted!.Name));
    }

    private static Ticket Of(string model, Caller? caller = null, int tokens = 1, PriorityClass priority = PriorityClass.Normal, TimeSpan? maxWait = null, string? node = null) =>
        new() { Model = model, Caller = caller ?? Caller.Anonymous, Tokens = tokens, Priority = priority, MaxWait = maxWait, Node = node };
}
