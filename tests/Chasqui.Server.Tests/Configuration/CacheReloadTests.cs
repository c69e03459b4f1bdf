using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Caching;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Configuration;

/// <summary>The section <c>Cache</c>, changed while the gateway runs.</summary>
public sealed class CacheReloadTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"temperature":0}}""";
    private const string Embed = """{"model":"mini","input":"a"}""";

    private static readonly DoubleScript _node = new() { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] };

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    [Theory]
    [InlineData("/api/chat", Chat)]
    [InlineData("/api/embed", Embed)]
    public async Task It_is_switched_off_and_on(string path, string body)
    {
        await using var gateway = await StartAsync("""
            "Cache": {}
            """);
        Assert.Equal(["miss", "hit"], [await AskAsync(gateway, path, body), await AskAsync(gateway, path, body)]);
        gateway.Reload("""
            "Cache": { "Enabled": false }
            """);
        Assert.Equal([null, null], [await AskAsync(gateway, path, body), await AskAsync(gateway, path, body)]);
        Assert.Equal(3, CacheTests.Posts(gateway.Fleet));
        gateway.Reload("""
            "Cache": { "Enabled": true }
            """);
        Assert.Equal("hit", await AskAsync(gateway, path, body));
        Assert.Equal(Enumerable.Repeat("the configuration was read again; new are Cache:Enabled", 2), gateway.Lines);
    }

    [Theory]
    [InlineData("/api/chat", Chat)]
    [InlineData("/api/embed", Embed)]
    public async Task A_shorter_life_holds_for_what_is_kept_already(string path, string body)
    {
        await using var gateway = await StartAsync("""
            "Cache": { "Lifetime": "1h" }
            """);
        await AskAsync(gateway, path, body);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("hit", await AskAsync(gateway, path, body));
        gateway.Reload("""
            "Cache": { "Lifetime": "10s" }
            """);
        Assert.Equal("miss", await AskAsync(gateway, path, body));
        Assert.Equal("hit", await AskAsync(gateway, path, body));
    }

    [Fact]
    public async Task Another_bound_empties_it_and_is_kept_to()
    {
        await using var gateway = await StartAsync("""
            "Cache": {}, "Merging": { "ShareBuffer": 4194304 }
            """, _node with { Models = [_node.Models[0] with { Answer = new string('y', 1 << 20) }] });
        await AskAsync(gateway, "/api/chat", Chat);
        Assert.Equal("hit", await AskAsync(gateway, "/api/chat", Chat));
        gateway.Reload("""
            "Cache": { "MaxBytes": 1048576 }, "Merging": { "ShareBuffer": 4194304 }
            """);
        // An answer of a MiB does not fit in it.
        Assert.Equal(["miss", "miss"], [await AskAsync(gateway, "/api/chat", Chat), await AskAsync(gateway, "/api/chat", Chat)]);
        Assert.Equal(["miss", "hit"], [await AskAsync(gateway, "/api/embed", Embed), await AskAsync(gateway, "/api/embed", Embed)]);
    }

    [Theory]
    [InlineData("\"Lifetime\": \"0s\"", "\"Cache:Lifetime\" is \"0s\", but must be a duration from 1s to 720h")]
    [InlineData("\"MaxBytes\": 1", "\"Cache:MaxBytes\" is \"1\", but must be a whole number from 1048576 to 1099511627776")]
    [InlineData("\"Enabled\": \"perhaps\"", "\"Cache:Enabled\" is \"perhaps\", but must be true or false")]
    public async Task What_is_wrong_leaves_the_old(string wrong, string why)
    {
        await using var gateway = await StartAsync("""
            "Cache": { "Lifetime": "1m" }
            """);
        await AskAsync(gateway, "/api/chat", Chat);
        gateway.Reload($$"""
            "Cache": { {{wrong}} }
            """);
        Assert.Equal([$"the configuration was changed and is refused, what held before still holds: chasqui.json line 3: {why}"], gateway.Lines);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("hit", await AskAsync(gateway, "/api/chat", Chat));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("miss", await AskAsync(gateway, "/api/chat", Chat));
    }

    [Fact]
    public async Task Another_redis_is_named_as_what_needs_a_restart()
    {
        await using var gateway = await StartAsync("""
            "Cache": {}
            """);
        gateway.Reload("""
            "Cache": { "Redis": "127.0.0.1:1" }
            """);
        Assert.Equal(["the configuration was read again; what it says of Cache:Redis takes effect after a restart"], gateway.Lines);
        Assert.Equal(["miss", "hit"], [await AskAsync(gateway, "/api/chat", Chat), await AskAsync(gateway, "/api/chat", Chat)]);
    }

    private Task<ReloadingFleet> StartAsync(string sections, DoubleScript? script = null) => ReloadingFleet.StartAsync(sections, script ?? _node, _time);

    private static async Task<string?> AskAsync(ReloadingFleet gateway, string path, string body) => (await CacheTests.SendAsync(gateway.Fleet, path, body)).Cache;
}
