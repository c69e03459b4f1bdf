using System.Globalization;
using CsCheck;

namespace Chasqui.Server.Tests;

public sealed class GoNumberTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    [InlineData(-0.6865069270133972, "-0.6865069270133972")]
    [InlineData(0.00001, "0.00001")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(0.0000001, "1e-7")]
    [InlineData(1.25e-9, "1.25e-9")]
    [InlineData(1e20, "100000000000000000000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(-1.5e300, "-1.5e+300")]
    [InlineData(1234567890123456789, "1234567890123456800")]
    [InlineData(double.NegativeInfinity, "-9999")]
    public void Doubles_are_spelled_as_in_Go(double value, string expected) => Assert.Equal(expected, GoNumber.Format(value));

    [Theory]
    [InlineData(0.00001f, "0.00001")]
    [InlineData(-0.034002017f, "-0.034002017")]
    [InlineData(1e-7f, "1e-7")]
    [InlineData(16777216f, "16777216")]
    [InlineData(3.4028235e38f, "3.4028235e+38")]
    public void Singles_are_spelled_as_in_Go(float value, string expected) => Assert.Equal(expected, GoNumber.Format(value));

    [Fact]
    public void Every_finite_number_reads_back_the_same() => Gen.Double.Sample(value =>
        !double.IsFinite(value) || double.Parse(GoNumber.Format(value), CultureInfo.InvariantCulture).Equals(value));

    [Fact]
    public void Every_finite_single_reads_back_the_same() => Gen.Float.Sample(value =>
        !float.IsFinite(value) || float.Parse(GoNumber.Format(value), CultureInfo.InvariantCulture).Equals(value));
}
