using System.Runtime.CompilerServices;

namespace Chasqui.Gateway.Tests.Engines;

public sealed class NodesManagerTests
{
    private static readonly TransferRequest _pull = new() { Model = "new" };

    [Fact]
    public async Task What_is_new_goes_to_the_first_node_and_what_has_a_source_to_where_that_is()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "x"), new FakeNode("b", "m"));
        Assert.Equal(["working", "success"], (await AllAsync(fleet.Engine.ManagerOn(null).PullAsync(_pull, Fleet.Token))).Select(step => step.Status));
        await AllAsync(fleet.Engine.ManagerOn(null).CreateAsync(new CreateRequest { Model = "copy", From = "m" }, Fleet.Token));
        await AllAsync(fleet.Engine.ManagerOn(null).PushAsync(new TransferRequest { Model = "m" }, Fleet.Token));
        await fleet.Engine.ManagerOn(null).DeleteAsync("m", Fleet.Token);
        Assert.Equal(["pull new"], fleet.Doubles["a"].Asked);
        Assert.Equal(["create copy", "push m", "delete m"], fleet.Doubles["b"].Asked);
    }

    [Fact]
    public async Task The_one_that_is_named()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"), new FakeNode("b", "m"));
        await AllAsync(fleet.Engine.ManagerOn("b").PullAsync(_pull, Fleet.Token));
        await fleet.Engine.ManagerOn("b").CopyAsync("m", "n", Fleet.Token);
        Assert.Empty(fleet.Doubles["a"].Asked);
        Assert.Equal(["pull new", "copy m n"], fleet.Doubles["b"].Asked);
        var error = await Assert.ThrowsAnyAsync<InvalidRequestException>(() =>
            AllAsync(fleet.Engine.ManagerOn("c").PullAsync(_pull, Fleet.Token)));
        Assert.Equal("there is no node \"c\"; there are a, b", error.Message);
    }

    [Fact]
    public async Task All_at_the_same_time_with_one_success()
    {
        var both = new Barrier(2);
        await using var fleet = await Fleet.OfAsync(new FakeNode("a") { Pull = MeetAsync }, new FakeNode("b") { Pull = MeetAsync });
        var steps = await AllAsync(fleet.Engine.ManagerOn(NodesManager.All).PullAsync(_pull, Fleet.Token));
        Assert.Equal(["a", "b"], steps[..^1].Select(step => step.Node).Order());
        Assert.Equal(new ModelProgress("success"), steps[^1]);

        async IAsyncEnumerable<ModelProgress> MeetAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Run(() => both.SignalAndWait(Fleet.Token), Fleet.Token);
            yield return new ModelProgress("met");
            yield return new ModelProgress("success");
        }
    }

    [Fact]
    public async Task A_failure_names_its_node_after_the_others_are_done()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"), new FakeNode("b", "m") { Fails = new EngineFailedException("disk is full") });
        var steps = new List<ModelProgress>();
        var error = await Assert.ThrowsAsync<EngineFailedException>(async () =>
        {
            await foreach (var step in fleet.Engine.ManagerOn(NodesManager.All).PullAsync(_pull, Fleet.Token))
                steps.Add(step);
        });
        Assert.Equal("b: disk is full", error.Message);
        Assert.Equal(["a", "b"], steps.Select(step => step.Node).Order());
        Assert.DoesNotContain(steps, step => step.Status == "success");
    }

    [Fact]
    public async Task Who_stops_reading_stops_the_work_on_all()
    {
        var stopped = new CountdownEvent(2);
        await using var fleet = await Fleet.OfAsync(new FakeNode("a") { Pull = EndlessAsync }, new FakeNode("b") { Pull = EndlessAsync });
        await foreach (var step in fleet.Engine.ManagerOn(NodesManager.All).PullAsync(_pull, CancellationToken.None))
        {
            if (step.Completed == 100)
                break;
        }
        Assert.True(stopped.IsSet);

        async IAsyncEnumerable<ModelProgress> EndlessAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    await Task.Yield();
                    yield return new ModelProgress("pulling", Completed: i);
                }
            }
            finally
            {
                stopped.Signal();
            }
        }
    }

    [Fact]
    public async Task A_blob_goes_to_one_node()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a"), new FakeNode("b"));
        await fleet.Engine.ManagerOn(null).WriteBlobAsync("sha256:0", Stream.Null, Fleet.Token);
        Assert.True(await fleet.Engine.ManagerOn(NodesManager.All).HasBlobAsync("sha256:0", Fleet.Token));
        await Assert.ThrowsAsync<InvalidRequestException>(() => fleet.Engine.ManagerOn(NodesManager.All).WriteBlobAsync("sha256:0", Stream.Null, Fleet.Token));
        Assert.Equal(["blob sha256:0", "blob? sha256:0"], fleet.Doubles["a"].Asked);
        Assert.Equal(["blob? sha256:0"], fleet.Doubles["b"].Asked);
    }

    private static async Task<List<ModelProgress>> AllAsync(IAsyncEnumerable<ModelProgress> steps)
    {
        var all = new List<ModelProgress>();
        await foreach (var step in steps)
            all.Add(step);
        return all;
    }
}
