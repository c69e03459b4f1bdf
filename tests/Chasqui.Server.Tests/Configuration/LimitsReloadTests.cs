using System.Net;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Configuration;

/// <summary>The section <c>Limits</c>, changed while the gateway runs.</summary>
public sealed class LimitsReloadTests
{
    private const string Body = """{"model":"mini","prompt":"x","stream":false}""";

    // 90 a minute are one in 667 ms, rounded up; no other timer of the gateway runs for so long.
    private static readonly TimeSpan _turn = TimeSpan.FromMilliseconds(667);

    private readonly SignallingTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Limits_come_change_and_go()
    {
        await using var gateway = await StartAsync("""
            "Limits": {}
            """);
        Assert.Equal((200, null), await AskAsync(gateway));
        gateway.Reload("""
            "Limits": { "RequestsPerMinute": 2, "MaxDelay": "0s" }
            """);
        Assert.Equal([(200, "1"), (200, "0"), (429, "0")], [await AskAsync(gateway), await AskAsync(gateway), await AskAsync(gateway)]);
        // What was used stays used: one of three is left.
        gateway.Reload("""
            "Limits": { "RequestsPerMinute": 3, "MaxDelay": "0s" }
            """);
        Assert.Equal([(200, "0"), (429, "0")], [await AskAsync(gateway), await AskAsync(gateway)]);
        gateway.Reload("""
            "Limits": {}
            """);
        Assert.Equal((200, null), await AskAsync(gateway));
    }

    [Fact]
    public async Task Limits_of_models_come_and_go_and_the_first_that_names_a_model_holds_each_time()
    {
        const string Models = """
            "Limits": { "MaxDelay": "0s", "Models": [
                { "Models": ["mini"], "RequestsPerMinute": 2 }, { "Models": ["mini"], "RequestsPerMinute": 1000 }, { "Models": ["*"], "RequestsPerMinute": 0 } ] }
            """;
        await using var gateway = await StartAsync("""
            "Limits": {}
            """);
        gateway.Reload(Models);
        Assert.Equal((200, "1"), await AskAsync(gateway));
        gateway.Reload(Models.Replace("\"0s\"", "\"1ms\"", StringComparison.Ordinal));
        Assert.Equal([(200, "0"), (429, "0")], [await AskAsync(gateway), await AskAsync(gateway)]);
        gateway.Reload("""
            "Limits": { "Models": [] }
            """);
        Assert.Equal((200, null), await AskAsync(gateway));
        Assert.Equal("the configuration was read again; new are Limits:MaxDelay, Limits:Models", gateway.Lines[0]);
    }

    [Fact]
    public async Task The_longest_delay_and_the_number_of_those_who_wait_hold()
    {
        await using var gateway = await StartAsync("""
            "Limits": {}
            """);
        gateway.Reload("""
            "Limits": { "RequestsPerMinute": 90, "RequestBurst": 1, "MaxDelay": "0s" }
            """);
        Assert.Equal([(200, "0"), (429, "0")], [await AskAsync(gateway), await AskAsync(gateway)]);
        gateway.Reload("""
            "Limits": { "RequestsPerMinute": 90, "RequestBurst": 1, "MaxDelay": "10s", "MaxWaiting": 1 }
            """);
        var waiting = AskAsync(gateway);
        await _time.TimerAsync(_turn);
        Assert.Equal(429, (await AskAsync(gateway)).Status);
        Assert.False(waiting.IsCompleted);
        _time.Advance(_turn);
        Assert.Equal(200, (await waiting).Status);
    }

    [Theory]
    [InlineData("\"RequestsPerMinute\": 90, \"RequestBurst\": 1")]
    [InlineData("\"Models\": [ { \"Models\": [\"mini\"], \"RequestsPerMinute\": 90, \"RequestBurst\": 1 } ]")]
    public async Task Who_waits_for_a_limit_that_is_lifted_waits_no_longer(string limit)
    {
        await using var gateway = await StartAsync($$"""
            "Limits": { {{limit}}, "MaxDelay": "10s" }
            """);
        var waiting = AskAsync(gateway);
        await _time.TimerAsync(_turn);
        gateway.Reload("""
            "Limits": { "MaxDelay": "10s" }
            """);
        // The clock stands still.
        Assert.Equal(200, (await waiting).Status);
    }

    [Fact]
    public async Task The_tokens_that_are_counted_beforehand_hold()
    {
        await using var gateway = await StartAsync("""
            "Limits": { "TokensPerMinute": 1000, "DefaultOutputTokens": 100 }
            """);
        var before = await TokensLeftAsync(gateway);
        gateway.Reload("""
            "Limits": { "TokensPerMinute": 1000, "DefaultOutputTokens": 400 }
            """);
        // The first has been settled by now with what it took, which is little.
        Assert.InRange(before - await TokensLeftAsync(gateway), 300, 340);
    }

    [Theory]
    [InlineData("\"RequestsPerMinute\": -1", "\"Limits:RequestsPerMinute\" is \"-1\", but must be a whole number from 0 to 1000000000")]
    [InlineData("\"RequestsPerMinute\": 1, \"RequestBurst\": 0", "\"Limits:RequestBurst\" is \"0\", but must be a whole number from 1 to 1000000000")]
    [InlineData("\"MaxDelay\": \"1h\"", "\"Limits:MaxDelay\" is \"1h\", but must be a duration from 0s to 10m")]
    [InlineData("\"Models\": [ { \"Models\": [\"mini\"], \"TokensPerMinute\": \"many\" } ]", "\"Limits:Models:0:TokensPerMinute\" is \"many\", but must be a whole number from 0 to 1000000000")]
    public async Task What_is_wrong_leaves_the_old(string wrong, string why)
    {
        await using var gateway = await StartAsync("""
            "Limits": { "RequestsPerMinute": 3, "MaxDelay": "0s" }
            """);
        // One warmed it up.
        Assert.Equal((200, "1"), await AskAsync(gateway));
        gateway.Reload($$"""
            "Limits": { {{wrong}} }
            """);
        Assert.Equal([$"the configuration was changed and is refused, what held before still holds: chasqui.json line 3: {why}"], gateway.Lines);
        Assert.Equal([(200, "0"), (429, "0")], [await AskAsync(gateway), await AskAsync(gateway)]);
    }

    private static async Task<(int Status, string? Remaining)> AskAsync(ReloadingFleet gateway)
    {
        using var response = await gateway.Fleet.BeginAsync("/api/generate", Body, Cancellation);
        Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, await response.Content.ReadAsStringAsync(Cancellation));
        return ((int)response.StatusCode, response.Headers.TryGetValues("x-ratelimit-remaining-requests", out var values) ? values.Single() : null);
    }

    private static async Task<int> TokensLeftAsync(ReloadingFleet gateway)
    {
        using var response = await gateway.Fleet.BeginAsync("/api/generate", Body, Cancellation);
        await response.Content.ReadAsStringAsync(Cancellation);
        return int.Parse(response.Headers.GetValues("x-ratelimit-remaining-tokens").Single(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private Task<ReloadingFleet> StartAsync(string sections) => ReloadingFleet.StartAsync(sections, new DoubleScript(), _time);
}
