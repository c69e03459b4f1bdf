using System.ClientModel;
using Anthropic;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using OllamaSharp;
using OpenAI;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A gateway before one double that has a model for whatever a client package asks for, and the packages' clients.</summary>
internal sealed class PackageFleet : IAsyncDisposable
{
    private static readonly DoubleScript _script = new()
    {
        Models =
        [
            new DoubleModel { Name = "mini" },
            new DoubleModel { Name = "mini-tools", Capabilities = ["completion", "tools"] },
            new DoubleModel { Name = "mini-think", Capabilities = ["completion", "thinking"] },
            new DoubleModel { Name = "mini-embed", Capabilities = ["embedding"] },
        ],
    };

    private readonly Fleet _fleet;

    private PackageFleet(Fleet fleet, NodeKind kind)
    {
        _fleet = fleet;
        IsOllama = kind == NodeKind.Ollama;
        OpenAiOptions = new OpenAIClientOptions { Endpoint = new Uri(fleet.Gateway.Address, "v1") };
        Ollama = new OllamaApiClient(fleet.Gateway.Address, "mini");
        Anthropic = new AnthropicClient { BaseUrl = fleet.Gateway.Address.ToString().TrimEnd('/'), ApiKey = "any", MaxRetries = 0 };
    }

    public Chasqui.OllamaDouble.OllamaDouble Double => _fleet.Double;

    public Uri Address => _fleet.Gateway.Address;

    /// <summary>Whether the node is asked in all of its languages, not in OpenAI's alone.</summary>
    public bool IsOllama { get; }

    public static ApiKeyCredential Key { get; } = new("anything");

    public OpenAIClientOptions OpenAiOptions { get; }

    public OllamaApiClient Ollama { get; }

    public AnthropicClient Anthropic { get; }

    public static async Task<PackageFleet> StartAsync(NodeKind kind, params Fault[] faults) =>
        new(await Fleet.StartAsync(_script with { Faults = faults }, kind: kind), kind);

    /// <summary>
    /// That the node was asked under one path alone of those that compute: the client's own where the node speaks that language, so that the request passed
    /// as it was, and OpenAI's where it was translated.
    /// </summary>
    public void AssertAskedUnder(string path)
    {
        var asked = Double.Requests.Select(request => request.Path.Split('?')[0]).Where(one => one is not ("/api/version" or "/api/tags" or "/api/ps" or "/v1/models")).Distinct();
        Assert.Equal([path], asked);
    }

    public async ValueTask DisposeAsync()
    {
        Ollama.Dispose();
        Anthropic.Dispose();
        await _fleet.DisposeAsync();
    }
}
