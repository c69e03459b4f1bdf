namespace Chasqui.Cli.Tests;

public sealed class NodeArgumentTests
{
    [Theory]
    [InlineData("http://10.0.0.5:11434", null, "http://10.0.0.5:11434")]
    [InlineData("gpu1=http://10.0.0.5:11434", "gpu1", "http://10.0.0.5:11434")]
    [InlineData("gpu1=http://h:1/a=b", "gpu1", "http://h:1/a=b")]
    [InlineData("http://h:1/a=b", null, "http://h:1/a=b")]
    [InlineData("unix:/run/a=b", null, "unix:/run/a=b")]
    [InlineData("=http://h:1", "", "http://h:1")]
    public void A_name_may_stand_before_the_address(string text, string? name, string url) => Assert.Equal((name, url), NodeArgument.Split(text));
}
