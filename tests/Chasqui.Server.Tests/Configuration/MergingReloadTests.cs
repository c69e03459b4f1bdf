using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Caching;

namespace Chasqui.Server.Tests.Configuration;

/// <summary>The section <c>Merging</c>, changed while the gateway runs.</summary>
public sealed class MergingReloadTests
{
    private const string Fixed = """
        "Cache": { "Enabled": false }, "Merging": { "Strategy": "fixed", "MaxInputs": 2, "Window": "900ms" }
        """;

    private static readonly TimeSpan _window = TimeSpan.FromMilliseconds(900);
    private static readonly DoubleScript _node = new() { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }], NumParallel = 4 };

    private readonly SignallingTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Another_strategy_holds_for_what_comes_then()
    {
        // The clock stands still: a call goes when it is full, or never.
        await using var gateway = await StartAsync(Fixed);
        await EmbedAsync(gateway, 4);
        Assert.Equal(2, Calls(gateway, "/api/embed"));
        gateway.Reload("""
            "Cache": { "Enabled": false }, "Merging": { "Strategy": "realtime", "MaxInputs": 2, "Window": "900ms" }
            """);
        await EmbedAsync(gateway, 3);
        Assert.Equal(5, Calls(gateway, "/api/embed"));
        Assert.Equal(["the configuration was read again; new are Merging:Strategy"], gateway.Lines);
    }

    [Fact]
    public async Task Another_bound_of_texts_holds()
    {
        await using var gateway = await StartAsync(Fixed);
        gateway.Reload(Fixed.Replace("\"MaxInputs\": 2", "\"MaxInputs\": 5", StringComparison.Ordinal));
        await EmbedAsync(gateway, 5);
        Assert.Equal(1, Calls(gateway, "/api/embed"));
    }

    [Fact]
    public async Task Another_bound_of_characters_holds()
    {
        await using var gateway = await StartAsync(Fixed.Replace("\"MaxInputs\": 2", "\"MaxInputs\": 100", StringComparison.Ordinal));
        gateway.Reload(Fixed.Replace("\"MaxInputs\": 2", "\"MaxInputs\": 100, \"MaxCharacters\": 1024", StringComparison.Ordinal));
        await EmbedAsync(gateway, 2, 512);
        Assert.Equal(1, Calls(gateway, "/api/embed"));
    }

    [Fact]
    public async Task Another_window_holds()
    {
        await using var gateway = await StartAsync(Fixed);
        gateway.Reload(Fixed.Replace("900ms", "7ms", StringComparison.Ordinal));
        var one = EmbedAsync(gateway, 1);
        await _time.TimerAsync(TimeSpan.FromMilliseconds(7));
        Assert.Equal(0, Calls(gateway, "/api/embed"));
        _time.Advance(TimeSpan.FromMilliseconds(7));
        await one;
    }

    [Fact]
    public async Task Who_waits_already_is_left_behind_by_no_change()
    {
        await using var gateway = await StartAsync(Fixed);
        var one = EmbedAsync(gateway, 1);
        await _time.TimerAsync(_window);
        gateway.Reload("""
            "Cache": { "Enabled": false }, "Merging": { "Strategy": "realtime" }
            """);
        _time.Advance(_window);
        await one;
    }

    [Theory]
    [InlineData("\"Strategy\": \"sometimes\"", "\"Merging:Strategy\" is \"sometimes\", but must be realtime, fixed or dynamic")]
    [InlineData("\"Window\": \"2s\"", "\"Merging:Window\" is \"2s\", but must be a duration from 1ms to 1s")]
    [InlineData("\"MaxInputs\": 0", "\"Merging:MaxInputs\" is \"0\", but must be a whole number from 1 to 10000")]
    [InlineData("\"Shares\": true", "\"Merging:Shares\" is unknown; the nearest is \"Merging:Share\"")]
    public async Task What_is_wrong_leaves_the_old(string wrong, string why)
    {
        await using var gateway = await StartAsync(Fixed);
        gateway.Reload($$"""
            "Merging": { {{wrong}} }
            """);
        Assert.Equal([$"the configuration was changed and is refused, what held before still holds: chasqui.json line 3: {why}"], gateway.Lines);
        await EmbedAsync(gateway, 2);
        Assert.Equal(1, Calls(gateway, "/api/embed"));
    }

    [Fact]
    public async Task Equal_generations_are_one_or_not()
    {
        await using var gateway = await StartAsync("""
            "Cache": { "Enabled": false }
            """);
        Assert.Equal(1, await TwinsAsync(gateway));
        gateway.Reload("""
            "Cache": { "Enabled": false }, "Merging": { "Share": false }
            """);
        Assert.Equal(2, await TwinsAsync(gateway));
        gateway.Reload("""
            "Cache": { "Enabled": false }, "Merging": { "Share": true }
            """);
        Assert.Equal(1, await TwinsAsync(gateway));
    }

    [Fact]
    public async Task Another_bound_of_what_is_kept_for_others_holds()
    {
        const string Body = """{"model":"mini","prompt":"x","stream":false,"options":{"seed":7}}""";
        await using var gateway = await StartAsync("""
            "Cache": {}
            """, _node with { Models = [_node.Models[0] with { Answer = new string('y', 8 << 10) }] });
        Assert.Equal(["miss", "hit"], [await AskAsync(), await AskAsync()]);
        gateway.Reload("""
            "Cache": {}, "Merging": { "ShareBuffer": 4096 }
            """);
        // What is kept already stays; a new one is too long.
        Assert.Equal("hit", await AskAsync());
        Assert.Equal(["miss", "miss"], [await AskAsync("8"), await AskAsync("8")]);

        async Task<string?> AskAsync(string seed = "7") =>
            (await CacheTests.SendAsync(gateway.Fleet, "/api/generate", Body.Replace("7", seed, StringComparison.Ordinal))).Cache;
    }

    /// <summary>How many generations two equal requests at the same time cost the node.</summary>
    private static async Task<long> TwinsAsync(ReloadingFleet gateway)
    {
        const string Body = """{"model":"mini","prompt":"x","options":{"seed":7}}""";
        var node = gateway.Fleet.Double;
        node.Reset();
        // The answers stop in the middle, so that both are there at once.
        node.Script = node.Script with { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 2 }] };
        using (await gateway.Fleet.BeginAsync("/api/generate", Body, Cancellation))
        using (await gateway.Fleet.BeginAsync("/api/generate", Body, Cancellation))
        {
            // Both have begun.
        }
        node.Script = node.Script with { Faults = [] };
        await gateway.Fleet.UntilAsync(state => state.InFlight == 0);
        return Calls(gateway, "/api/generate");
    }

    private static async Task EmbedAsync(ReloadingFleet gateway, int count, int length = 4)
    {
        await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
        {
            var text = i.ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(length, 'x');
            using var response = await gateway.Fleet.BeginAsync("/api/embed", $$"""{"model":"mini","input":"{{text}}"}""", Cancellation);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        }));
    }

    private static long Calls(ReloadingFleet gateway, string path) => gateway.Fleet.Double.State.RequestsByPath.GetValueOrDefault("POST " + path);

    private Task<ReloadingFleet> StartAsync(string sections, DoubleScript? script = null) => ReloadingFleet.StartAsync(sections, script ?? _node, _time);
}
