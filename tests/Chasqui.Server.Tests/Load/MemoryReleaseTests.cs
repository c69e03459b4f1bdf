using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Load;

/// <summary>After many bytes were held the collector is asked to give them back: beside the work while it goes on, as a whole when it is quiet.</summary>
public sealed class MemoryReleaseTests
{
    private const long Mebibyte = 1 << 20;

    private readonly FakeTimeProvider _time = new();
    private readonly List<bool> _collected = [];
    private readonly CallerLoad _load;
    private readonly ByteBudget _budget;
    private readonly MemoryRelease _release;

    public MemoryReleaseTests()
    {
        var settings = new LiveGatewaySettings(new GatewaySettings());
        var refusals = new RefusalCounts();
        _load = new CallerLoads(settings, refusals).Use(Caller.Anonymous, null);
        _budget = new ByteBudget(settings, Mebibyte, refusals, _time);
        _release = new MemoryRelease(_budget, _time, _collected.Add);
    }

    [Fact]
    public void A_storm_is_followed_by_one_whole_collection()
    {
        _budget.Take(_load, 64 * Mebibyte);
        _release.Look();
        _budget.Return(_load, 64 * Mebibyte);
        for (var i = 0; i < 60; i++)
            _release.Look();

        // The peak is seen twice: while it is held, and as what there was since.
        Assert.Equal([false, false, true], _collected);
    }

    [Fact]
    public void What_is_little_is_left_to_the_collector()
    {
        for (var i = 0; i < 30; i++)
        {
            _budget.Take(_load, 8 * Mebibyte);
            _budget.Return(_load, 8 * Mebibyte);
            _release.Look();
        }
        for (var i = 0; i < 60; i++)
            _release.Look();

        Assert.Empty(_collected);
    }

    [Fact]
    public void Whole_collections_are_rare_while_storms_come_again_and_again()
    {
        for (var storm = 0; storm < 10; storm++)
        {
            _budget.Take(_load, 64 * Mebibyte);
            _budget.Return(_load, 64 * Mebibyte);
            for (var i = 0; i < 6; i++)
                _release.Look();
        }

        Assert.InRange(_collected.Count(whole => whole), 1, 4);
    }

    [Fact]
    public async Task Large_bodies_that_end_are_collected_by_their_bytes()
    {
        await _release.StartAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 5; i++)
            _release.Left(40 * Mebibyte);
        Assert.Equal([false], _collected);
        _time.Advance(TimeSpan.FromMilliseconds(300));
        _release.Left(40 * Mebibyte);

        Assert.Equal([false, false], _collected);
        _release.Dispose();
    }
}
