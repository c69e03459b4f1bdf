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
    public void A_list_has_a_model_under_its_aliases_and_its_own_name_unless_an_alias_hides_it()
    {
        Assert.Equal(["gpt-4o", "llama3.3:70b"], _table.NamesOf("llama3.3:70b"));
        Assert.Equal(["llama3"], _table.NamesOf("llama3:8b"));
        Assert.Equal(["llama3:8b", "mini:latest"], _table.NamesOf("mini:latest"));
        Assert.Equal(["qwen3"], _table.NamesOf("qwen3"));
        Assert.Equal(("gpt-4o", (string?)null), (_table.Spelled("GPT-4O:latest"), _table.Spelled("mini")));
    }

    [Fact]
    public void A_name_is_looked_up_once()
    {
        Assert.Equal("llama3:8b", _table.Resolve("llama3"));
        Assert.Equal("mini", _table.Resolve("llama3:8b"));
        Assert.Equal("there", _table.Resolve("here"));
    }
}
