using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Shaping;

public sealed class TrafficShaperTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Without_limits_there_is_nothing_to_ask()
    {
        using var shaper = Shaper(new LimitOptions());

        Assert.Null(shaper.ViewOf(Caller.Anonymous, "mini"));
        Assert.NotNull(shaper.ViewOf(Key("a", new TrafficLimit { RequestsPerMinute = 1 }), "mini"));
    }

    [Fact]
    public async Task Those_who_would_be_let_in_soon_wait_in_their_order()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromSeconds(3) });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { RequestsPerMinute = 60, RequestBurst = 1 }), "mini")!;
        await Admit(shaper, view);
        var waiting = Enumerable.Range(0, 3).Select(_ => Admit(shaper, view)).ToList();

        var refused = await Assert.ThrowsAsync<RateLimitedException>(() => Admit(shaper, view));

        Assert.Equal(TimeSpan.FromSeconds(4), refused.RetryAfter);
        Assert.Equal("the limit of key \"a\" is reached, 60 requests a minute; try again in 4 s", refused.Message);
        foreach (var next in waiting.ToList())
        {
            Assert.All(waiting, one => Assert.False(one.IsCompleted));
            _time.Advance(TimeSpan.FromSeconds(1));
            await next.WaitAsync(_limit, Cancellation);
            waiting.Remove(next);
        }
    }

    [Fact]
    public async Task Who_gives_up_waiting_takes_nothing()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromSeconds(10) });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { RequestsPerMinute = 60, RequestBurst = 1 }), "mini")!;
        await Admit(shaper, view);
        using var leaving = new CancellationTokenSource();
        var gone = shaper.AdmitAsync(view, 0, 1, leaving.Token).AsTask();
        var next = Admit(shaper, view);

        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        _time.Advance(TimeSpan.FromSeconds(1));
        await next.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task Who_waits_for_its_own_limit_keeps_nobody_else_waiting()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromMinutes(5), Overall = new TrafficLimit { RequestsPerMinute = 60, RequestBurst = 3 } });
        var slow = shaper.ViewOf(Key("slow", new TrafficLimit { RequestsPerMinute = 1 }), "mini")!;
        var fast = shaper.ViewOf(Key("fast", TrafficLimit.None), "mini")!;
        await Admit(shaper, slow);
        var waits = Admit(shaper, slow);

        await Admit(shaper, fast).WaitAsync(_limit, Cancellation);
        await Admit(shaper, fast).WaitAsync(_limit, Cancellation);

        Assert.False(waits.IsCompleted);
        _time.Advance(TimeSpan.FromMinutes(1));
        await waits.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task Only_so_many_wait()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromMinutes(5), MaxWaiting = 1 });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { RequestsPerMinute = 60, RequestBurst = 1 }), "mini")!;
        await Admit(shaper, view);
        var waits = Admit(shaper, view);

        await Assert.ThrowsAsync<RateLimitedException>(() => Admit(shaper, view));

        _time.Advance(TimeSpan.FromSeconds(1));
        await waits.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task A_limit_of_zero_is_refused_without_a_time()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromMinutes(5) });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { TokensPerMinute = 0 }), "mini")!;

        var refused = await Assert.ThrowsAsync<RateLimitedException>(() => Admit(shaper, view));

        Assert.Null(refused.RetryAfter);
        Assert.True(refused.OfTokens);
        Assert.Equal("the limit of key \"a\" is 0 tokens a minute, so nothing is let through", refused.Message);
    }

    [Fact]
    public void Models_of_an_entry_without_a_limit_are_exempt_from_later_ones()
    {
        using var shaper = Shaper(new LimitOptions { Models = [new ModelLimit(["mini"], TrafficLimit.None), new ModelLimit(["*"], new TrafficLimit { RequestsPerMinute = 1 })] });

        Assert.Null(shaper.ViewOf(Caller.Anonymous, "mini"));
        Assert.NotNull(shaper.ViewOf(Caller.Anonymous, "big"));
    }

    [Fact]
    public async Task All_buckets_are_taken_from_or_none()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.Zero, Models = [new ModelLimit(["big*"], new TrafficLimit { RequestsPerMinute = 1 })] });
        var key = Key("a", new TrafficLimit { RequestsPerMinute = 10 });
        await Admit(shaper, shaper.ViewOf(key, "big:70b")!);
        await Assert.ThrowsAsync<RateLimitedException>(() => Admit(shaper, shaper.ViewOf(key, "big:8b")!));

        var left = shaper.ViewOf(key, "mini")!.Status().Requests!.Value;

        Assert.Equal((10, 9), (left.Limit, left.Remaining));
        Assert.Equal(TimeSpan.FromSeconds(6), left.UntilFull);
    }

    [Fact]
    public async Task The_real_number_of_tokens_takes_the_place_of_the_expected_one()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.Zero });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { TokensPerMinute = 100 }), "mini")!;
        var little = await shaper.AdmitAsync(view, 0, 80, Cancellation);
        little.Settle(10);
        little.Settle(99);
        Assert.Equal(90, view.Status().Tokens!.Value.Remaining);

        (await shaper.AdmitAsync(view, 0, 20, Cancellation)).Settle(150);

        // In debt, which is paid first.
        Assert.Equal(0, view.Status().Tokens!.Value.Remaining);
        var refused = await Assert.ThrowsAsync<RateLimitedException>(async () => await shaper.AdmitAsync(view, 0, 1, Cancellation));
        Assert.Equal(TimeSpan.FromSeconds(37), refused.RetryAfter);
    }

    [Fact]
    public async Task Tokens_that_were_not_needed_let_the_next_in_at_once()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.FromMinutes(5) });
        var view = shaper.ViewOf(Key("a", new TrafficLimit { TokensPerMinute = 100 }), "mini")!;
        var first = await shaper.AdmitAsync(view, 0, 100, Cancellation);
        var next = shaper.AdmitAsync(view, 0, 50, Cancellation).AsTask();
        Assert.False(next.IsCompleted);

        first.Settle(10);

        await next.WaitAsync(_limit, Cancellation);
    }

    [Fact]
    public async Task New_settings_hold_at_once_and_keep_what_was_used()
    {
        var settings = new LiveGatewaySettings(new GatewaySettings { Limits = new LimitOptions { MaxDelay = TimeSpan.Zero, Overall = new TrafficLimit { RequestsPerMinute = 2 } } });
        using var shaper = new TrafficShaper(settings, _time);
        await Admit(shaper, shaper.ViewOf(Caller.Anonymous, "mini")!);

        settings.Apply(new GatewaySettings { Limits = new LimitOptions { MaxDelay = TimeSpan.Zero, Overall = new TrafficLimit { RequestsPerMinute = 5 } } });
        Assert.Equal(4, shaper.ViewOf(Caller.Anonymous, "mini")!.Status().Requests!.Value.Remaining);

        settings.Apply(new GatewaySettings());
        Assert.Null(shaper.ViewOf(Caller.Anonymous, "mini"));
    }

    [Fact]
    public async Task Who_waits_when_the_limit_becomes_zero_is_refused_at_the_end_of_its_time()
    {
        var settings = new LiveGatewaySettings(new GatewaySettings { Limits = new LimitOptions { MaxDelay = TimeSpan.FromSeconds(5), Overall = new TrafficLimit { RequestsPerMinute = 30, RequestBurst = 1 } } });
        using var shaper = new TrafficShaper(settings, _time);
        var view = shaper.ViewOf(Caller.Anonymous, "mini")!;
        await Admit(shaper, view);
        var waits = Admit(shaper, view);

        settings.Apply(new GatewaySettings { Limits = new LimitOptions { Overall = new TrafficLimit { RequestsPerMinute = 0 } } });
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Null((await Assert.ThrowsAsync<RateLimitedException>(() => waits.WaitAsync(_limit, Cancellation))).RetryAfter);
    }

    [Theory]
    [InlineData(0, 2_000_000_000)]
    [InlineData(5_000_000_000, 10)]
    [InlineData(long.MaxValue / 2, long.MaxValue / 2)]
    public async Task A_request_that_asks_for_billions_puts_no_other_caller_into_debt(long prompt, long answer)
    {
        using var shaper = Shaper(new LimitOptions { Overall = new TrafficLimit { TokensPerMinute = 1_000 } });
        var greedy = shaper.ViewOf(Key("greedy", TrafficLimit.None), "mini")!;
        var other = shaper.ViewOf(Key("other", TrafficLimit.None), "mini")!;

        var admission = await shaper.AdmitAsync(greedy, prompt, answer, Cancellation);
        Assert.Equal(0, other.Status().Tokens!.Value.Remaining);
        admission.Settle(5);

        Assert.Equal(995, other.Status().Tokens!.Value.Remaining);
        await shaper.AdmitAsync(other, 5, 10, Cancellation);
    }

    [Fact]
    public async Task What_was_not_reserved_is_taken_when_the_answer_is_settled()
    {
        using var shaper = Shaper(new LimitOptions { MaxDelay = TimeSpan.Zero, Overall = new TrafficLimit { TokensPerMinute = 1_000 } });
        var view = shaper.ViewOf(Caller.Anonymous, "mini")!;

        var admission = await shaper.AdmitAsync(view, 10, 5_000, Cancellation);
        admission.Settle(3_000);
        _time.Advance(TimeSpan.FromMinutes(2));

        await Assert.ThrowsAsync<RateLimitedException>(() => Admit(shaper, view));
        _time.Advance(TimeSpan.FromSeconds(1));
        await Admit(shaper, view);
    }

    private TrafficShaper Shaper(LimitOptions options) => new(new LiveGatewaySettings(new GatewaySettings { Limits = options }), _time);

    private static Task<Admission> Admit(TrafficShaper shaper, LimitView view) => shaper.AdmitAsync(view, 0, 1, Cancellation).AsTask();

    private static Caller Key(string name, TrafficLimit limit) => new() { Id = name, Name = name, Limit = limit };
}
