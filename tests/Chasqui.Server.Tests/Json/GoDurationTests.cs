using CsCheck;

namespace Chasqui.Server.Tests;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("10m", 600)]
    [InlineData("1h30m", 5400)]
    [InlineData("-1.5h", -5400)]
    [InlineData("+250ms", 0.25)]
    [InlineData("1h2m3.5s", 3723.5)]
    [InlineData("100us", 0.0001)]
    [InlineData(".5s", 0.5)]
    public void Durations_are_read_as_in_Go(string text, double seconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("m")]
    [InlineData("10 m")]
    [InlineData("1d")]
    [InlineData("1.2.3s")]
    [InlineData("--1s")]
    [InlineData("s10")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Fact]
    public void An_endless_number_becomes_the_longest_duration()
    {
        Assert.True(GoDuration.TryParse(new string('9', 90) + "h", out var duration));
        Assert.Equal(TimeSpan.MaxValue, duration);
    }

    [Fact]
    public void Any_text_is_read_or_refused() => Gen.String["0123456789.hmsnuµ+- x"].Sample(text =>
        GoDuration.TryParse(text, out var duration) || duration == TimeSpan.Zero);
}
