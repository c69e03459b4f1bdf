using System.Net;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Gateway.Tests.Shaping;

/// <summary>What each caller has under way.</summary>
public sealed class CallerLoadsTests
{
    private static readonly Caller _key = new() { Id = "aaaaaaaaaaaa", Name = "ci" };

    private readonly RefusalCounts _refusals = new();
    private readonly CallerLoads _loads;

    public CallerLoadsTests() => _loads = new CallerLoads(
        new LiveGatewaySettings(new GatewaySettings { Limits = new LimitOptions { Load = new LoadOptions { RequestsPerCaller = 2, SubscriptionsPerCaller = 1 } } }), _refusals);

    [Fact]
    public void One_request_too_many_is_refused_until_another_has_ended()
    {
        var load = _loads.Use(_key, null);
        _loads.EnterRequest(load, _key);
        _loads.EnterRequest(load, _key);

        var refusal = Assert.Throws<RateLimitedException>(() => _loads.EnterRequest(load, _key));
        Assert.Equal("key \"ci\" has 2 requests under way, the most at a time (Limits:RequestsPerCaller); try again when one has ended", refusal.Message);
        _loads.LeaveRequest(load);
        _loads.EnterRequest(load, _key);

        Assert.Equal((2, 1), (load.Requests, _refusals.Of(RefusalReason.Requests)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_key_has_a_number_of_its_own(int most)
    {
        var caller = _key with { Concurrency = most };
        var load = _loads.Use(caller, null);
        for (var i = 0; i < most; i++)
            _loads.EnterRequest(load, caller);

        Assert.Contains("of the key", Assert.Throws<RateLimitedException>(() => _loads.EnterRequest(load, caller)).Message);
    }

    [Fact]
    public void Event_streams_are_counted_by_themselves()
    {
        var load = _loads.Use(_key, null);
        _loads.EnterSubscription(load, _key);

        Assert.Throws<RateLimitedException>(() => _loads.EnterSubscription(load, _key));
        _loads.EnterRequest(load, _key);
        _loads.EnterRequest(load, _key);

        Assert.Equal((2, 1, 1), (load.Requests, load.Subscriptions, _refusals.Of(RefusalReason.Subscriptions)));
    }

    [Theory]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    public void Who_has_no_key_is_known_by_address(string one, string other, bool same) =>
        Assert.Equal(same, ReferenceEquals(_loads.Use(Caller.Anonymous, IPAddress.Parse(one)), _loads.Use(Caller.Anonymous, IPAddress.Parse(other))));

    [Fact]
    public void Who_has_nothing_under_way_is_forgotten()
    {
        var first = _loads.Use(_key, IPAddress.Loopback);
        Assert.Same(first, _loads.Use(_key, IPAddress.Parse("192.0.2.1")));
        _loads.Release(first);
        Assert.Equal(1, _loads.Count);
        _loads.Release(first);

        Assert.Equal(0, _loads.Count);
        Assert.NotSame(first, _loads.Use(_key, null));
    }

    [Fact]
    public async Task Many_at_once_leave_nothing_behind()
    {
        var tasks = Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                var load = _loads.Use(_key, null);
                _loads.Release(_loads.Share(load));
                _loads.Release(load);
            }
        }));
        await Task.WhenAll(tasks);

        Assert.Equal(0, _loads.Count);
    }
}
