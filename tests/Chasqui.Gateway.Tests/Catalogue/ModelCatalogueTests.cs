namespace Chasqui.Gateway.Tests.Catalogue;

public sealed class ModelCatalogueTests
{
    [Fact]
    public async Task Each_model_is_listed_once_the_newest_first()
    {
        await using var fleet = await Fleet.OfAsync(
            new FakeNode("a", "old", "both:latest") { ModifiedAt = DateTimeOffset.UnixEpoch },
            new FakeNode("b", "Both", "new") { ModifiedAt = DateTimeOffset.UnixEpoch.AddDays(1) });
        var catalogue = fleet.Nodes.Catalogue;
        Assert.Equal(["Both", "new", "old"], catalogue.Models.Select(model => model.Name).Order());
        Assert.Equal("old", catalogue.Models[^1].Name);
        Assert.Equal(["a", "b"], catalogue.Having("BOTH:latest").Select(node => node.Name));
        Assert.Equal("b", Assert.Single(catalogue.Having("both:latest", "b")).Name);
        Assert.Empty(catalogue.Having("both:latest", "c"));
        Assert.Empty(catalogue.Having("none:latest"));
    }

    [Fact]
    public async Task What_is_not_allowed_on_a_node_or_anywhere_is_not_there()
    {
        var picky = new FakeNode("a", "llama3", "qwen3", "secret") { Options = new NodeOptions { Name = "a", Url = "http://a:1", Allow = ["llama*", "secret"] } };
        var rules = new GatewaySettings { Catalogue = new CatalogueOptions { Deny = ["secret"] } };
        await using var fleet = await Fleet.OfAsync(rules, picky, new FakeNode("b", "qwen3", "secret"));
        Assert.Equal(["llama3", "qwen3"], fleet.Nodes.Catalogue.Models.Select(model => model.Name).Order());
        Assert.Equal("b", Assert.Single(fleet.Nodes.Catalogue.Having("qwen3:latest")).Name);
        Assert.Equal(["llama3"], (await fleet.Engine.On("a").ListAsync(Fleet.Token)).Select(model => model.Name));
    }

    [Theory]
    [InlineData("lama3:latest", "llama3:latest")]
    [InlineData("LLAMA3:latest", "llama3:latest")]
    [InlineData("qwen:latest", "qwen2.5-coder:7b")]
    [InlineData("nothing-like-it:latest", null)]
    public async Task The_nearest_names(string asked, string? nearest)
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "llama3", "qwen2.5-coder:7b", "mistral"));
        Assert.Equal(nearest is null ? [] : [nearest], fleet.Nodes.Catalogue.Nearest(asked));
    }

    [Fact]
    public async Task A_name_of_any_length_costs_nothing_and_is_near_to_none()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", [.. Enumerable.Range(0, 100).Select(i => $"model-{i}")]));
        Assert.Equal(3, fleet.Nodes.Catalogue.Nearest("model-").Count);
        Assert.Empty(fleet.Nodes.Catalogue.Nearest(new string('m', 10_000_000)));
    }
}
