namespace Chasqui.Protocol.Tests;

/// <summary>Arrays are lent, and a bounded number of bytes of them is kept.</summary>
public sealed class ByteArraysTests
{
    private const int Mebibyte = 1 << 20;

    [Theory]
    [InlineData(1, 16)]
    [InlineData(65_536, 65_536)]
    [InlineData(65_537, 80 * 1024)]
    [InlineData(5 * Mebibyte, 5 * Mebibyte)]
    [InlineData((5 * Mebibyte) + 1, 6 * Mebibyte)]
    [InlineData(64 * Mebibyte, 64 * Mebibyte)]
    [InlineData(200 * Mebibyte, 200 * Mebibyte)]
    [InlineData(0x7FFF_FFC7, 0x7FFF_FFC7)]
    public void Lengths_go_in_quarters_of_a_power_of_two(int asked, int expected)
    {
        Assert.Equal(expected, ByteArrays.LengthFor(asked));
        Assert.Equal(expected, ByteArrays.LengthFor(expected));
    }

    [Fact]
    public void An_array_is_as_long_as_was_said_and_never_longer_by_more_than_a_quarter()
    {
        for (var asked = ByteArrays.Small + 1; asked < 8 * Mebibyte; asked += 12_345)
        {
            var array = ByteArrays.Rent(asked);
            Assert.Equal(ByteArrays.LengthFor(asked), array.Length);
            Assert.InRange(array.Length, asked, asked + (asked / 4) + 1);
            ByteArrays.Return(array);
        }
    }

    [Fact]
    public void An_array_that_was_given_back_is_lent_again()
    {
        var kept = new KeptArrays(4 * Mebibyte, 4 * Mebibyte);
        var array = new byte[Mebibyte];

        Assert.True(kept.Keep(array));
        Assert.Null(kept.Take(2 * Mebibyte));
        Assert.Same(array, kept.Take(Mebibyte));
        Assert.Null(kept.Take(Mebibyte));
        Assert.Equal(Mebibyte, kept.TakeKept());
        Assert.Equal(0, kept.TakeKept());
    }

    [Fact]
    public void No_more_than_the_most_is_kept_and_a_trim_forgets_all()
    {
        var kept = new KeptArrays(3 * Mebibyte, 3 * Mebibyte);

        Assert.True(kept.Keep(new byte[2 * Mebibyte]));
        Assert.False(kept.Keep(new byte[2 * Mebibyte]));
        Assert.True(kept.Keep(new byte[Mebibyte]));
        kept.Clear();
        Assert.Null(kept.Take(2 * Mebibyte));
        Assert.Null(kept.Take(Mebibyte));
        Assert.True(kept.Keep(new byte[3 * Mebibyte]));
    }

    [Fact]
    public void Where_much_is_kept_it_gives_way_to_what_is_allocated_anew()
    {
        var kept = new KeptArrays(3 * Mebibyte, 8 * Mebibyte);
        for (var i = 0; i < 4; i++)
            kept.Keep(new byte[Mebibyte]);

        Assert.Null(kept.Take(2 * Mebibyte));
        Assert.NotNull(kept.Take(Mebibyte));
        Assert.Null(kept.Take(2 * Mebibyte));
        Assert.NotNull(kept.Take(Mebibyte));
        Assert.Null(kept.Take(Mebibyte));
    }
}
