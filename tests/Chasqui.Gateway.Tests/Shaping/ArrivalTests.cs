using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Shaping;

/// <summary>Who may make no request is told so before its body comes.</summary>
public sealed class ArrivalTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_last_request_of_a_limit_is_promised_to_one_body_at_a_time()
    {
        using var shaper = Shaper(new LimitOptions());
        var caller = Key(new TrafficLimit { RequestsPerMinute = 1 });

        using (shaper.Expect(caller, out _))
        {
            var refusal = Assert.Throws<RateLimitedException>(() => shaper.Expect(caller, out _));
            Assert.Equal("the limit of key \"ci\" is reached, 1 requests a minute; try again in 60 s", refusal.Message);
        }
        // It has come, and asked for nothing that is counted.
        using (shaper.Expect(caller, out var view))
            await shaper.AdmitAsync(shaper.ViewOf(caller, "mini")!, 0, 1, Cancellation);
        Assert.Throws<RateLimitedException>(() => shaper.Expect(caller, out _));
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.NotNull(shaper.Expect(caller, out _));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Who_would_be_let_in_soon_may_send_a_body(int delay, bool may)
    {
        using var shaper = Shaper(new LimitOptions { Overall = new TrafficLimit { RequestsPerMinute = 30, RequestBurst = 1 }, MaxDelay = TimeSpan.FromSeconds(delay) });
        using var first = shaper.Expect(Caller.Anonymous, out _);

        Assert.Equal(may, Record.Exception(() => shaper.Expect(Caller.Anonymous, out _)) is null);
    }

    [Fact]
    public async Task Debt_of_tokens_counts_too()
    {
        using var shaper = Shaper(new LimitOptions());
        var caller = Key(new TrafficLimit { TokensPerMinute = 60 });
        var admission = await shaper.AdmitAsync(shaper.ViewOf(caller, "mini")!, 0, 1, Cancellation);
        admission.Settle(300);

        var refusal = Assert.Throws<RateLimitedException>(() => shaper.Expect(caller, out _));

        Assert.True(refusal.OfTokens);
        Assert.Equal(TimeSpan.FromSeconds(241), refusal.RetryAfter);
    }

    [Fact]
    public void Without_a_limit_nothing_is_asked()
    {
        using var shaper = Shaper(new LimitOptions { Models = [new ModelLimit(["mini"], new TrafficLimit { RequestsPerMinute = 0 })] });

        Assert.Null(shaper.Expect(Caller.Anonymous, out var view));
        Assert.Null(view);
    }

    private static Caller Key(TrafficLimit limit) => new() { Id = "aaaaaaaaaaaa", Name = "ci", Limit = limit };

    private TrafficShaper Shaper(LimitOptions options) => new(new LiveGatewaySettings(new GatewaySettings { Limits = options }), _time);
}
