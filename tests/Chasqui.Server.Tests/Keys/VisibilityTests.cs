using System.Net;
using System.Text;
using Chasqui.Client;
using Chasqui.Gateway;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What a key of one model is told of the others, and of the gateway.</summary>
public sealed class VisibilityTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/tags")]
    [InlineData("/api/ps")]
    [InlineData("/v1/models")]
    public async Task Lists_have_the_keys_models_alone(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var (some, all) = (await gateway.AddKeyAsync("ci", caller => caller with { Models = ["other*"] }), await gateway.AddKeyAsync("b"));
        await using var client = Client(gateway, some);

        using var plain = await gateway.SendAsync(HttpMethod.Get, path, some);
        using var others = await gateway.SendAsync(HttpMethod.Get, path, all);
        await using var over = await client.HttpAsync("GET", path, cancellationToken: Cancellation);
        using var anthropics = new HttpRequestMessage(HttpMethod.Get, path).With(some);
        anthropics.Headers.Add("anthropic-version", "2023-06-01");
        using var third = await gateway.Http.SendAsync(anthropics, Cancellation);

        Assert.Contains("mini", await others.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        string[] told =
        [
            await plain.Content.ReadAsStringAsync(Cancellation), await third.Content.ReadAsStringAsync(Cancellation),
            Encoding.UTF8.GetString(await over.ReadBodyAsync(cancellationToken: Cancellation)),
        ];
        Assert.All(told, body => Assert.DoesNotContain("mini", body, StringComparison.Ordinal));
        Assert.All((await client.ListModelsAsync(null, Cancellation)).Models, model => Assert.Equal("other:7b", model.Name));
        Assert.Empty((await client.ListResidentModelsAsync(null, Cancellation)).Models);
    }

    [Theory]
    [InlineData("/api/nodes")]
    [InlineData("/api/queue")]
    [InlineData("/metrics")]
    public async Task What_is_about_everybody_is_for_admins(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Scopes = Scopes.Infer | Scopes.Models });
        await using var client = Client(gateway, key);

        using var plain = await gateway.SendAsync(HttpMethod.Get, path, key);
        await using var over = await client.HttpAsync("GET", path, cancellationToken: Cancellation);

        Assert.Equal((HttpStatusCode.Forbidden, 403), (plain.StatusCode, over.Status));
        Assert.Contains("lacks the scope admin", await plain.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static ChasquiClient Client(RunningGateway gateway, string key) =>
        new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key, ConnectAttempts = 1 });
}
