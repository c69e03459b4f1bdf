namespace Chasqui.Engines.Tests;

public sealed class PlaceholderTests
{
    [Fact]
    public void The_assembly_loads() => Assert.NotNull(typeof(IEngine));
}
