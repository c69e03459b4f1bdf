using System.Runtime.CompilerServices;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Tests.Engines;

public sealed class NodesEngineTests
{
    private static readonly EngineFailedException _broken = new("broke off");

    [Fact]
    public async Task A_stream_that_fails_before_its_first_update_goes_to_another_node()
    {
        await using var fleet = await PairAsync(new FakeNode("a", "m") { Fails = _broken });
        Assert.Equal("b", await fleet.GenerateAsync());
        Assert.Single(fleet.Doubles["a"].Asked);
        Assert.Equal("broke off", fleet["a"].Health.LastFailure);
        fleet.AssertIdle();
    }

    [Fact]
    public async Task One_that_fails_after_it_has_failed_and_nobody_else_is_asked()
    {
        await using var fleet = await PairAsync(new FakeNode("a", "m") { Stream = HalfAsync });
        var texts = new List<string>();
        var error = await Assert.ThrowsAsync<EngineFailedException>(async () =>
        {
            await foreach (var update in fleet.Engine.ChatAsync(new ChatRequest { Model = "m", Messages = [new ChatMessage { Role = "user", Content = "Hi" }] }, Fleet.Token))
                texts.Add(update.Text);
        });
        Assert.Same(_broken, error);
        Assert.Equal(["half"], texts);
        Assert.Empty(fleet.Doubles["b"].Asked);
        fleet.AssertIdle();

        static async IAsyncEnumerable<GenerationUpdate> HalfAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield return new GenerationUpdate { Text = "half" };
            throw _broken;
        }
    }

    [Fact]
    public async Task Calls_go_to_another_node_too()
    {
        await using var fleet = await PairAsync(new FakeNode("a", "m") { Fails = _broken });
        Assert.Equal([1, 2], await fleet.Engine.TokenizeAsync(new TokenizeRequest { Model = "m", Text = "x" }, Fleet.Token));
        Assert.Equal("m", (await fleet.Engine.ShowAsync("m", Fleet.Token)).Summary.Name);
        Assert.Equal("m", (await fleet.Engine.LoadAsync(new LoadRequest { Model = "m" }, Fleet.Token)).Summary.Name);
        Assert.NotEmpty((await fleet.Engine.EmbedAsync(Fleet.Text(), Fleet.Token)).Vectors);
        fleet.AssertIdle();
    }

    [Fact]
    public async Task A_caller_that_leaves_reaches_the_engine_and_blames_nobody()
    {
        var stopped = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using var fleet = await PairAsync(new FakeNode("a", "m") { Stream = WaitAsync });
        using var leave = new CancellationTokenSource();
        var answering = fleet.GenerateAsync(cancellationToken: leave.Token);
        await begun.Task.WaitAsync(Fleet.Token);

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answering);
        await stopped.Task.WaitAsync(Fleet.Token);
        Assert.Equal((NodeState.Up, ""), (fleet["a"].Health.State, fleet["a"].Health.LastFailure));
        Assert.Empty(fleet.Doubles["b"].Asked);
        fleet.AssertIdle();

        async IAsyncEnumerable<GenerationUpdate> WaitAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            using var watched = cancellationToken.Register(stopped.SetResult);
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            yield break;
        }
    }

    [Fact]
    public async Task Who_stops_reading_frees_the_node()
    {
        await using var fleet = await PairAsync(new FakeNode("a", "m"));
        await foreach (var _ in fleet.Engine.GenerateAsync(Fleet.Prompt(), Fleet.Token))
            break;
        fleet.AssertIdle();
    }

    [Fact]
    public async Task Unloading_is_done_on_all_nodes_that_have_it()
    {
        await using var fleet = await PairAsync(new FakeNode("a", "m"));
        fleet.Doubles["b"].Resident.Add("m");
        Assert.True(await fleet.Engine.UnloadAsync("m", Fleet.Token));
        Assert.False(await fleet.Engine.UnloadAsync("M:latest", Fleet.Token));
        Assert.All(fleet.Doubles.Values, node => Assert.Equal(2, node.Asked.Count(asked => asked is "unload m")));
        Assert.False(await fleet.Engine.On("a").UnloadAsync("m", Fleet.Token));
        Assert.Equal(2, fleet.Doubles["b"].Asked.Count);
    }

    [Fact]
    public async Task Aliases_and_rules_for_options_hold()
    {
        var settings = new GatewaySettings
        {
            Catalogue = new CatalogueOptions { Aliases = new Dictionary<string, string> { ["gpt-4o"] = "m" } },
            Policies = [new ModelPolicy { NumCtx = new OptionRule(OptionTreatment.Clamp, [1, 4096]), KeepAlive = new OptionRule(OptionTreatment.Strip, []) }],
        };
        await using var fleet = await Fleet.OfAsync(settings, new FakeNode("a", "m"));
        await foreach (var _ in fleet.Engine.GenerateAsync(
            new GenerateRequest { Model = "gpt-4o", Prompt = "x", Options = new GenerationOptions { NumCtx = 100_000 }, KeepAlive = TimeSpan.FromHours(1) }, Fleet.Token))
        {
        }
        var asked = Assert.IsType<GenerateRequest>(Assert.Single(fleet.Doubles["a"].Asked));
        Assert.Equal(("m", 4096, null), (asked.Model, asked.Options.NumCtx, asked.KeepAlive));
    }

    [Fact]
    public async Task Models_in_memory_have_their_aliases_too_and_what_is_hidden_stays_so()
    {
        var aliases = new Dictionary<string, string> { ["gpt-4o"] = "m", ["Own"] = "m" };
        var settings = new GatewaySettings
        {
            Catalogue = new CatalogueOptions { Aliases = aliases, Deny = ["secret*"] },
        };
        var node = new FakeNode("a", "m", "own", "secret", "none")
        {
            Options = new NodeOptions { Name = "a", Url = "http://a:11434", Kind = NodeKind.Ollama, Slots = 64, Deny = ["none"] },
            Running = 3,
        };
        node.Resident.AddRange(["m", "own", "secret", "none"]);
        await using var fleet = await Fleet.OfAsync(settings, node);

        var resident = await fleet.Engine.ListResidentAsync(Fleet.Token);

        // The model "own" is hidden by the alias of its name. What runs is counted once.
        Assert.Equal([("gpt-4o", 0), ("Own", 0), ("m", 3)], resident.Select(model => (model.Summary.Name, model.Running)));
        Assert.Equal(["gpt-4o", "Own", "m"], (await fleet.Engine.ListAsync(Fleet.Token)).Select(model => model.Name));
        Assert.Equal("Own", (await fleet.Engine.ShowAsync("own:latest", Fleet.Token)).Summary.Name);
        Assert.Equal("gpt-4o", (await fleet.Engine.LoadAsync(new LoadRequest { Model = "GPT-4o" }, Fleet.Token)).Summary.Name);
        Assert.Equal("m", (await fleet.Engine.LoadAsync(new LoadRequest { Model = "m" }, Fleet.Token)).Summary.Name);
    }

    [Fact]
    public async Task A_list_of_a_node_that_is_not_there_or_is_down_says_so()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"),
            new FakeNode("b") { Silent = new EngineUnavailableException("node 'b' cannot be reached") });
        Func<NodesEngine, Task>[] lists = [engine => engine.ListAsync(Fleet.Token), engine => engine.ListResidentAsync(Fleet.Token)];
        foreach (var ask in lists)
        {
            Assert.Equal("there is no node \"c\"; there are a, b",
                (await Assert.ThrowsAnyAsync<InvalidRequestException>(() => ask(fleet.Engine.On("c")))).Message);
            Assert.StartsWith("node b is down: cannot be reached; ",
                (await Assert.ThrowsAsync<EngineUnavailableException>(() => ask(fleet.Engine.On("b")))).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>The first is asked first, as it has the model in memory.</summary>
    private static Task<Fleet> PairAsync(FakeNode first)
    {
        first.Resident.Add("m");
        return Fleet.OfAsync(first, new FakeNode("b", "m"));
    }
}
