using System.Net;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Keys;

/// <summary>An answer that was made for one key is no way around what another may do.</summary>
public sealed class SharedAnswerTests
{
    private const string Body = """{"model":"mini","prompt":"Hello!","stream":false,"options":{"temperature":0,"num_predict":2}}""";

    [Fact]
    public async Task Whoever_may_not_use_a_model_gets_no_answer_of_it_that_is_kept()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        var may = await fleet.Gateway.AddKeyAsync("may", caller => caller with { Tenant = "t" });
        var mayNot = await fleet.Gateway.AddKeyAsync("may-not", caller => caller with { Tenant = "t", Models = ["other*"] });

        using var first = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", may, Body);
        using var again = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", may, Body);
        using var refused = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", mayNot, Body);

        Assert.Equal((HttpStatusCode.OK, "hit"), (again.StatusCode, again.Headers.GetValues("X-Chasqui-Cache").Single()));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Fact]
    public async Task What_is_kept_counts_against_a_limit_all_the_same()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        var key = await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 2 } });

        using var first = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", key, Body);
        using var second = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", key, Body);
        using var third = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", key, Body);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests], [first.StatusCode, second.StatusCode, third.StatusCode]);
    }

    [Fact]
    public async Task Keys_without_a_tenant_and_of_others_share_nothing()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        string[] keys =
        [
            await fleet.Gateway.AddKeyAsync("a"), await fleet.Gateway.AddKeyAsync("b"),
            await fleet.Gateway.AddKeyAsync("c", caller => caller with { Tenant = "t" }), await fleet.Gateway.AddKeyAsync("d", caller => caller with { Tenant = "u" }),
        ];

        foreach (var key in keys)
        {
            using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", key, Body);
            Assert.Equal("miss", answer.Headers.GetValues("X-Chasqui-Cache").Single());
        }

        Assert.Equal(4, fleet.Double.State.Completions);
    }
}
