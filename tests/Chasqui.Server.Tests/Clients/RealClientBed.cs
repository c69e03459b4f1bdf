using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Keys;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Clients;

/// <summary>A gateway before one of the engines that a case names: <c>embedded</c>, as it is shipped, <c>ollama</c> or <c>openai</c>.</summary>
internal sealed class RealClientBed : IAsyncDisposable
{
    private readonly Fleet? _fleet;

    private RealClientBed(string engine, RunningGateway gateway, Fleet? fleet)
    {
        Gateway = gateway;
        _fleet = fleet;
        Model = engine == "embedded" ? "mini" : "mini-both";
    }

    public RunningGateway Gateway { get; }

    /// <summary>The model that stands for MODEL.</summary>
    public string Model { get; }

    public bool IsEmbedded => _fleet is null;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<RealClientBed> StartAsync(string engine)
    {
        if (engine == "embedded")
        {
            return new RealClientBed(engine, await RunningGateway.StartAsync(
                EngineProcess.Worker, options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } }), null);
        }
        var fleet = await Fleet.StartAsync(new DoubleScript
        {
            Models =
            [
                new DoubleModel { Name = "mini-both", Capabilities = ["completion", "tools", "thinking"] },
                new DoubleModel { Name = "mini-embed", Capabilities = ["embedding"] },
            ],
        }, kind: engine == "ollama" ? NodeKind.Ollama : NodeKind.OpenAi);
        return new RealClientBed(engine, fleet.Gateway, fleet);
    }

    /// <summary>The body of the last request that the node computed.</summary>
    public string Asked() => _fleet!.Double.Requests.Last(request => request.Path is "/api/chat" or "/v1/chat/completions" or "/v1/responses" or "/v1/messages").Body;

    /// <summary>The names of the tools that the node was offered.</summary>
    public IEnumerable<string?> Offered() => JsonElement.Parse(Asked()).GetProperty("tools").EnumerateArray()
        .Select(tool => (tool.TryGetProperty("function", out var function) ? function : tool).GetProperty("name").GetString());

    public async Task<(int Status, string Body, string PassedOver)> SendAsync(RealClientCase one, string body, string? key = null, string? path = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(one.Method), path ?? one.Path) { Content = new StringContent(body.Replace("\"MODEL\"", $"\"{Model}\"", StringComparison.Ordinal)) }.With(key);
        foreach (var (name, value) in one.Headers)
            request.Headers.Add(name, value);
        using var response = await Gateway.Http.SendAsync(request, Token);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Token), response.Headers.TryGetValues("X-Chasqui-Passed-Over", out var names) ? names.Single() : "");
    }

    /// <summary>Sends the case as it is, which must be answered.</summary>
    public async Task<(string Body, string PassedOver)> AnsweredAsync(RealClientCase one, string? body = null, string? key = null)
    {
        var (status, text, passedOver) = await SendAsync(one, body ?? one.Body, key);
        Assert.True(status == 200, $"{one.Id}: {status} {text}");
        return (text, passedOver);
    }

    public ValueTask DisposeAsync() => _fleet?.DisposeAsync() ?? Gateway.DisposeAsync();
}

/// <summary>A request that a real client sends in its default use.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Engines">Before what it must be answered.</param>
/// <param name="Method">Its method.</param>
/// <param name="Path">Its path.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Body">Its body, with MODEL for a model's name.</param>
internal sealed record RealClientCase(string Id, IReadOnlyList<string> Engines, string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body)
{
    private static readonly string[] _engines = ["openai", "ollama", "embedded"];

    public static IReadOnlyDictionary<string, RealClientCase> All { get; } = File
        .ReadLines(System.IO.Path.Combine(Repository.Root, "tests", "Chasqui.Server.Tests", "Clients", "real-clients.jsonl"))
        .Where(line => line.Length > 0).Select(Read).ToDictionary(one => one.Id, StringComparer.Ordinal);

    private static RealClientCase Read(string line)
    {
        var json = JsonElement.Parse(line);
        var node = json.GetProperty("node").GetString()!;
        return new(
            json.GetProperty("id").GetString()!,
            node == "any" ? _engines : [.. _engines.Where(engine => node.Contains(engine, StringComparison.Ordinal))],
            json.GetProperty("method").GetString()!,
            json.GetProperty("path").GetString()!,
            json.GetProperty("headers").EnumerateObject().ToDictionary(header => header.Name, header => header.Value.GetString()!, StringComparer.Ordinal),
            json.GetProperty("body").GetRawText());
    }
}
