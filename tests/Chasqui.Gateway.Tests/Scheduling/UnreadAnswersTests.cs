using Chasqui.Gateway.Scheduling;

namespace Chasqui.Gateway.Tests.Scheduling;

/// <summary>Callers who do not take their answers while others wait for the slots.</summary>
public sealed class UnreadAnswersTests
{
    private static readonly Caller _stalling = new() { Id = "stalling" };
    private static readonly Caller _other = new() { Id = "other" };

    [Fact]
    public void A_slot_is_wanted_where_another_caller_waits_for_it()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"), new WorldNode("elsewhere", 1, 1, "other"));
        var held = Ask(world, _stalling);

        Assert.False(world.Scheduler.IsWanted(held));
        Ask(world, _stalling);
        Assert.False(world.Scheduler.IsWanted(held));
        Ask(world, _other, "other");
        Ask(world, _other, "other");
        Assert.False(world.Scheduler.IsWanted(held));
        Ask(world, _other);
        Assert.True(world.Scheduler.IsWanted(held));
    }

    [Fact]
    public void Callers_without_a_key_are_not_told_apart_and_are_many()
    {
        var world = new World(null, new WorldNode("n", 1, 1, "m"));
        var held = Ask(world, Caller.Anonymous);
        Ask(world, Caller.Anonymous);

        Assert.True(world.Scheduler.IsWanted(held));
        for (var i = 0; i < 10; i++)
            Assert.Empty(world.Scheduler.Unread(held, TimeSpan.Zero));
    }

    [Fact]
    public void After_several_the_caller_has_one_request_at_a_time_for_a_minute()
    {
        var world = new World(null, new WorldNode("n", 3, 1, "m"));
        var held = Enumerable.Range(0, 3).Select(_ => Ask(world, _stalling)).ToList();
        var waiting = Enumerable.Range(0, 4).Select(_ => Ask(world, _stalling)).ToList();
        var other = Ask(world, _other);

        Assert.Empty(world.Scheduler.Unread(held[0], Seconds(1)));
        Assert.Empty(world.Scheduler.Unread(held[1], Seconds(2)));
        var refused = world.Scheduler.Unread(held[2], Seconds(3));

        Assert.Equal(waiting, refused.Select(one => one.Ticket));
        Assert.All(refused, one => Assert.Equal((RefusalCause.Unread, TimeSpan.FromMinutes(1)), (one.Why.Cause, one.Why.ExpectedWait)));
        Assert.Equal(1, world.Scheduler.Waiting);
        foreach (var ticket in held)
            world.Scheduler.Release(ticket, null, false, Seconds(4));
        Assert.Equal(TicketState.Granted, other.State);

        var one = New(_stalling);
        Assert.Null(world.Scheduler.Enqueue(one, Seconds(5)));
        Assert.Equal(RefusalCause.Unread, world.Scheduler.Enqueue(New(_stalling), Seconds(5))?.Cause);
        Assert.False(world.Scheduler.TryTake(New(_stalling), world.Nodes[0], Seconds(5)));
        Assert.Null(world.Scheduler.Enqueue(New(_other), Seconds(5)));
        Assert.Null(world.Scheduler.Enqueue(New(_stalling), Seconds(63)));
    }

    [Fact]
    public void A_few_now_and_then_are_forgiven()
    {
        var world = new World(null, new WorldNode("n", 8, 1, "m"));
        var held = Enumerable.Range(0, 8).Select(_ => Ask(world, _stalling)).ToList();
        Ask(world, _other);

        for (var i = 0; i < held.Count; i++)
            world.Scheduler.Unread(held[i], Seconds(40 * i));

        Assert.Null(world.Scheduler.Enqueue(New(_stalling), Seconds(300)));
    }

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);

    private static Ticket New(Caller caller, string model = "m") => new() { Model = model, Caller = caller };

    private static Ticket Ask(World world, Caller caller, string model = "m")
    {
        var ticket = New(caller, model);
        world.Ask(ticket, 1_000);
        return ticket;
    }
}
