using CsCheck;

namespace Chasqui.Cli.Tests;

public sealed class TextTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.0 kB")]
    [InlineData(9_949, "9.9 kB")]
    [InlineData(9_950, "10 kB")]
    [InlineData(999_499, "999 kB")]
    [InlineData(999_500, "1.0 MB")]
    [InlineData(1_027_552, "1.0 MB")]
    [InlineData(14_000_000_000, "14 GB")]
    [InlineData(long.MaxValue, "9223 PB")]
    public void Sizes_have_two_digits(long bytes, string expected) => Assert.Equal(expected, HumanText.Size(bytes));

    [Theory]
    [InlineData(0, "now")]
    [InlineData(-1, "1 second ago")]
    [InlineData(-119, "1 minute ago")]
    [InlineData(299, "in 4 minutes")]
    [InlineData(-7200, "2 hours ago")]
    [InlineData(-86400 * 3, "3 days ago")]
    [InlineData(-86400 * 45, "1 month ago")]
    [InlineData(-86400 * 800, "2 years ago")]
    public void Times_are_told_from_now(int seconds, string expected) =>
        Assert.Equal(expected, HumanText.Relative(DateTimeOffset.UnixEpoch.AddSeconds(seconds), DateTimeOffset.UnixEpoch));

    [Theory]
    [InlineData("90", 90)]
    [InlineData("10m", 600)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5h", 5400)]
    [InlineData("250ms", 0.25)]
    [InlineData("2d", 172800)]
    [InlineData("0", 0)]
    public void Durations_are_read(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), TimeText.Parse("--x", text));

    [Theory]
    [InlineData("forever")]
    [InlineData("-1")]
    public void For_ever_is_a_duration(string text) => Assert.Equal(Timeout.InfiniteTimeSpan, TimeText.Parse("--x", text));

    [Fact]
    public void Any_other_text_is_refused_and_never_crashes() =>
        Gen.String[Gen.Char["0123456789.smhd- xE"], 0, 40].Sample(text =>
        {
            try
            {
                return TimeText.Parse("--x", text) >= Timeout.InfiniteTimeSpan;
            }
            catch (UsageException e)
            {
                return e.Message.StartsWith("--x is", StringComparison.Ordinal);
            }
        });

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("two\r\nlines", "two lines")]
    [InlineData("\u001b[31mred\u0007", "[31mred")]
    public void One_line_stays_one_line(string text, string expected) => Assert.Equal(expected, SafeText.OneLine(text));
}
