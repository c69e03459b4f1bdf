using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>The probabilities of a response's tokens: on the embedded engine and before both kinds of node, streamed and whole.</summary>
public sealed class ResponseLogprobsTests
{
    private const string Fields = """
        "model":"mini","input":"Hello!","temperature":0,"max_output_tokens":6,"include":["message.output_text.logprobs"]
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task They_are_told_with_their_alternatives(NodeKind? kind)
    {
        await using var embedded = kind is null ? await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } }) : null;
        await using var fleet = kind is { } one ? await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }] }, kind: one) : null;
        var gateway = embedded ?? fleet!.Gateway;

        var whole = JsonElement.Parse(await PostAsync(gateway, $$"""{{{Fields}},"top_logprobs":2}"""));
        var events = (await PostAsync(gateway, $$"""{{{Fields}},"top_logprobs":2,"stream":true}""")).Split('\n')
            .Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonElement.Parse(line["data: ".Length..])).ToList();

        Assert.Equal(2, whole.GetProperty("top_logprobs").GetInt32());
        var part = Part(whole);
        var tokens = part.GetProperty("logprobs").EnumerateArray().ToList();
        Assert.Equal(6, tokens.Count);
        Assert.Equal(part.GetProperty("text").GetString(), string.Concat(tokens.Select(token => token.GetProperty("token").GetString())));
        Assert.All(tokens, token => Assert.Equal((2, true), (token.GetProperty("top_logprobs").GetArrayLength(), token.GetProperty("logprob").GetDouble() <= 0)));

        var told = events.Where(one => Is(one, "response.output_text.delta")).ToList();
        Assert.Equal(6, told.Sum(one => one.GetProperty("logprobs").GetArrayLength()));
        Assert.Equal(string.Concat(told.Select(one => one.GetProperty("delta").GetString())),
            string.Concat(told.SelectMany(one => one.GetProperty("logprobs").EnumerateArray()).Select(token => token.GetProperty("token").GetString())));
        Assert.Equal(6, events.Single(one => Is(one, "response.output_text.done")).GetProperty("logprobs").GetArrayLength());
        Assert.Equal(6, Part(events[^1].GetProperty("response")).GetProperty("logprobs").GetArrayLength());
    }

    [Fact]
    public async Task Without_the_wish_for_them_there_are_none()
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });

        var whole = JsonElement.Parse(await PostAsync(gateway, """{"model":"mini","input":"Hello!","max_output_tokens":4,"top_logprobs":2}"""));

        Assert.Equal(0, Part(whole).GetProperty("logprobs").GetArrayLength());
    }

    private static bool Is(JsonElement one, string type) => one.GetProperty("type").GetString() == type;

    private static JsonElement Part(JsonElement response) => response.GetProperty("output")[0].GetProperty("content")[0];

    private static async Task<string> PostAsync(RunningGateway gateway, string body)
    {
        using var response = await gateway.PostAsync("/v1/responses", body);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }
}
