using System.Net;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>Templates that come with requests: what they may spend, and the switch that refuses them.</summary>
public sealed class RequestTemplateTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Costly { get; } = new()
    {
        { """{{range 60000}}{{printf "%1000d" 1}}{{end}}""", "the output is longer than" },
        { "{{range 2000000}}{{end}}{{.Prompt}}", "more than 100000 steps" },
        { "{{range 50000}}{{if eq 1 2}}a{{end}}{{end}}{{.Prompt}}", "more than 100000 steps" },
        { """{{$x := "aaaaaaaaaaaaaaaa"}}{{range 40}}{{$x = print $x $x}}{{end}}""", "the output is longer than" },
        { """{{range 3000}}{{$x := printf "%1000000d" 1}}{{end}}""", "a width of 1000000, but it may be at most 1000" },
        { """{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}""", "exceeded maximum template depth" },
        { new string('a', 70_000), "at most 65536" },
    };

    [Theory]
    [MemberData(nameof(Costly))]
    public async Task A_template_that_costs_much_is_refused(string template, string why)
    {
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { OllamaStore = store.Folder } });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        using var plain = await gateway.PostAsync("/api/generate", JsonSerializer.Serialize(new { model = "mini", prompt = "x", template }));
        var over = await Assert.ThrowsAsync<ClientException>(() => GenerateAsync(client, template));
        using var well = await gateway.PostAsync("/api/generate", """{"model":"mini","prompt":"x","template":"{{.System}}{{range .Messages}}{{.Content}}{{end}}","options":{"num_predict":1}}""");

        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);
        Assert.Contains(why, JsonElement.Parse(await plain.Content.ReadAsStringAsync(Cancellation)).GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal((400, "invalid_template"), (over.Status, over.Error.Code));
        Assert.Contains(why, over.Message, StringComparison.Ordinal);
        Assert.True(well.IsSuccessStatusCode);
    }

    [Theory]
    [InlineData("\"template\":\"{{.Prompt}}\"")]
    [InlineData("\"TEMPLATE\":\"{{.Prompt}}\"")]
    [InlineData("\"template\":\"{{.Prompt}}\",\"template\":\"\"")]
    public async Task Where_templates_are_refused_they_are_refused_by_name_and_no_node_sees_them(string template)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript(), change: Refusing);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);

        using var plain = await fleet.Gateway.PostAsync("/api/generate", $$"""{"model":"mini","prompt":"x","stream":false,{{template}}}""");
        var over = await Assert.ThrowsAsync<ClientException>(() => GenerateAsync(client, "{{.Prompt}}"));
        using var without = await fleet.Gateway.PostAsync("/api/generate", """{"model":"mini","prompt":"x","stream":false,"template":""}""");
        using var chat = await fleet.Gateway.PostAsync("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"template":"passed over"}""");

        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);
        Assert.Contains("Models:RequestTemplates", await plain.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal("invalid_template", over.Error.Code);
        Assert.True(without.IsSuccessStatusCode && chat.IsSuccessStatusCode);
        Assert.DoesNotContain(fleet.Double.Requests, request => request.Body.Contains("{{", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_switch_holds_before_the_embedded_engine_too()
    {
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(options => Refusing(options with { Models = options.Models with { OllamaStore = store.Folder } }));

        using var refused = await gateway.PostAsync("/api/generate", """{"model":"mini","prompt":"x","template":"{{.Prompt}}"}""");
        using var well = await gateway.PostAsync("/api/generate", """{"model":"mini","prompt":"x","options":{"num_predict":1}}""");

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.OK), (refused.StatusCode, well.StatusCode));
    }

    private static GatewayOptions Refusing(GatewayOptions options) => options with { Models = options.Models with { RequestTemplates = false } };

    private static async Task GenerateAsync(ChasquiClient client, string template)
    {
        await foreach (var _ in client.GenerateAsync(new Messages.GenerateRequest { Model = "mini", Prompt = "x", Template = template }, cancellationToken: Cancellation))
            Assert.Fail("it was answered");
    }
}
