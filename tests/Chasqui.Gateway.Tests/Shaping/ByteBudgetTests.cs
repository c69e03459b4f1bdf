using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Shaping;

/// <summary>Bytes of bodies: what one caller may hold, what all may, who waits and who is refused.</summary>
public sealed class ByteBudgetTests
{
    private const long Mebibyte = 1 << 20;

    private static readonly Caller _one = new() { Id = "aaaaaaaaaaaa", Name = "one" };
    private static readonly Caller _two = new() { Id = "bbbbbbbbbbbb", Name = "two" };

    private readonly FakeTimeProvider _time = new();
    private readonly RefusalCounts _refusals = new();
    private readonly CallerLoads _loads;
    private readonly ByteBudget _budget;

    public ByteBudgetTests()
    {
        var settings = new LiveGatewaySettings(new GatewaySettings
        {
            Limits = new LimitOptions { Load = new LoadOptions { BodyBytes = 64 * Mebibyte, BodyBytesPerCaller = 16 * Mebibyte } },
        });
        _loads = new CallerLoads(settings, _refusals);
        _budget = new ByteBudget(settings, 8 * Mebibyte, _refusals, _time);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_does_not_fit_a_callers_share_waits_and_is_refused_by_name()
    {
        using var first = Charge(_one);
        await first.AddAsync(15 * Mebibyte, Cancellation);
        using var largest = Charge(_one);
        await largest.AddAsync(8 * Mebibyte, Cancellation);
        using var third = Charge(_one);
        using var other = Charge(_two);

        var waiting = third.AddAsync(2 * Mebibyte, Cancellation).AsTask();
        // Another caller's share is its own.
        await other.AddAsync(16 * Mebibyte, Cancellation);
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        var refusal = await Assert.ThrowsAsync<RateLimitedException>(() => waiting);
        Assert.Equal((TimeSpan.FromSeconds(1), false), (refusal.RetryAfter, refusal.OfTokens));
        Assert.Contains("key \"one\" holds", refusal.Message);
        Assert.Equal(1, _refusals.Of(RefusalReason.CallerBodyBytes));
    }

    [Fact]
    public async Task What_is_given_back_is_had_by_who_waits()
    {
        using var first = Charge(_one);
        using var largest = Charge(_one);
        using var third = Charge(_one);
        await first.AddAsync(16 * Mebibyte, Cancellation);
        await largest.AddAsync(8 * Mebibyte, Cancellation);

        var waiting = third.AddAsync(2 * Mebibyte, Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        first.Keep(4 * Mebibyte);
        await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        Assert.Equal(14 * Mebibyte, _budget.Held);
    }

    [Fact]
    public async Task Where_all_together_hold_too_much_it_is_nobodys_fault()
    {
        var charges = new List<BodyCharge>();
        for (var i = 0; i < 4; i++)
        {
            charges.Add(Charge(new Caller { Id = $"caller{i}" }));
            await charges[i].AddAsync((i == 3 ? 8 : 16) * Mebibyte, Cancellation);
        }
        using var large = Charge(_one);
        using var little = Charge(_two);

        var waiting = large.AddAsync(4 * Mebibyte, Cancellation).AsTask();
        // Who holds little still has a part of its own.
        await little.AddAsync(2 * Mebibyte, Cancellation);
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(TimeSpan.FromSeconds(1), (await Assert.ThrowsAsync<EngineOverloadedException>(() => waiting)).RetryAfter);
        Assert.Equal((1, 0), (_refusals.Of(RefusalReason.BodyBytes), _refusals.Of(RefusalReason.CallerBodyBytes)));
        charges.ForEach(charge => charge.Dispose());
    }

    [Fact]
    public async Task Of_several_large_bodies_one_goes_on()
    {
        using var first = Charge(_one);
        using var second = Charge(_one);
        await first.AddAsync(8 * Mebibyte, Cancellation);
        await second.AddAsync(8 * Mebibyte, Cancellation);

        await first.AddAsync(8 * Mebibyte, Cancellation);
        var waiting = second.AddAsync(8 * Mebibyte, Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        first.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        second.Dispose();

        Assert.Equal(0, _budget.Held);
        Assert.Equal(0, _loads.Count);
    }

    private BodyCharge Charge(Caller caller)
    {
        var load = _loads.Use(caller, null);
        var charge = new BodyCharge(_budget, _loads, load, caller);
        _loads.Release(load);
        return charge;
    }
}
