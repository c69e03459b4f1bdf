using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway.Tests.Catalogue;

public sealed class AliasTableTests
{
    private static readonly AliasTable _table = new(new Dictionary<string, string>
    {
        ["gpt-4o"] = "llama3.3:70b",
        ["llama3"] = "llama3:8b",
        ["llama3:8b"] = "mini",
        ["here"] = "there",
        ["there"] = "here",
    });

    [Theory]
    [InlineData("gpt-4o", "llama3.3:70b")]
    [InlineData("GPT-4o:latest", "llama3.3:70b")]
    [InlineData("library/gpt-4o", "llama3.3:70b")]
    [InlineData("gpt-4o:mini", "gpt-4o:mini")]
    [InlineData("qwen3", "qwen3")]
    public void An_alias_stands_for_its_model(string name, string model) => Assert.Equal(model, _table.Resolve(name));

    [Fact]
    public void A_name_is_looked_up_once()
    {
        Assert.Equal("llama3:8b", _table.Resolve("llama3"));
        Assert.Equal("mini", _table.Resolve("llama3:8b"));
        Assert.Equal("there", _table.Resolve("here"));
    }
}
