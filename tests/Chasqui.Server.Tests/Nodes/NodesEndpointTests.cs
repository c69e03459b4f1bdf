using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Server.Tests;

public sealed class NodesEndpointTests
{
    [Fact]
    public async Task Each_node_tells_what_it_is_and_has()
    {
        await using var inner = await RunningGateway.StartAsync(new ScriptedEngine());
        var url = inner.Address.GetLeftPart(UriPartial.Authority);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with
        {
            Nodes = [new NodeOptions { Name = "inner", Url = url, Slots = 3 }, new NodeOptions { Name = "gone", Url = "http://127.0.0.1:1" }],
        });

        using var response = await gateway.GetAsync("/api/nodes");
        var nodes = JsonElement.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).GetProperty("nodes");

        Assert.Equal(["inner", "gone", "local"], nodes.EnumerateArray().Select(node => node.GetProperty("name").GetString()));
        var found = nodes[0];
        Assert.Equal((url, "ollama", "up", 3), (Text(found, "url"), Text(found, "kind"), Text(found, "state"), found.GetProperty("slots").GetInt32()));
        Assert.StartsWith("Chasqui", Text(found, "software"), StringComparison.Ordinal);
        Assert.Equal("", Text(found, "last_failure"));
        var gone = nodes[1];
        Assert.Equal(("auto", "down", ""), (Text(gone, "kind"), Text(gone, "state"), Text(gone, "software")));
        Assert.Contains("127.0.0.1:1", Text(gone, "last_failure"), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, gone.GetProperty("slots").ValueKind);
        Assert.Equal("embedded", Text(nodes[2], "kind"));
    }

    [Theory]
    [InlineData("http://me:secret@10.0.0.5:11434/a@b", "http://10.0.0.5:11434/a@b")]
    [InlineData("tcp://me@h:1", "tcp://h:1")]
    [InlineData("https://h:1", "https://h:1")]
    [InlineData("unix:/run/a@b.sock", "unix:/run/a@b.sock")]
    [InlineData("", "")]
    public void An_address_is_told_without_its_user(string address, string told) => Assert.Equal(told, NodesEndpoint.WithoutUser(address));

    private static string Text(JsonElement node, string name) => node.GetProperty(name).GetString()!;
}
