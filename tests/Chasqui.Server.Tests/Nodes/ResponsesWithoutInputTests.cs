using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A response whose <c>input</c> is left out, as OpenAI's API lets it be, before nodes that know it, do not know it, or demand it.</summary>
public sealed class ResponsesWithoutInputTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, bool, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<NodeKind, bool, string, bool>();
            foreach (var (kind, isLlamaCpp) in ((NodeKind, bool)[])[(NodeKind.Ollama, false), (NodeKind.OpenAi, false), (NodeKind.OpenAi, true)])
            {
                foreach (var store in (string[])["", ",\"store\":false"])
                {
                    // Without anything to answer the model is loaded, as in Ollama.
                    cases.Add(kind, isLlamaCpp, store, false);
                    cases.Add(kind, isLlamaCpp, ",\"input\":null" + store, false);
                    cases.Add(kind, isLlamaCpp, ",\"instructions\":\"Be brief.\"" + store, true);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It_is_answered(NodeKind kind, bool isLlamaCpp, string fields, bool says)
    {
        await using var fleet = await StartAsync(kind, isLlamaCpp);
        foreach (var stream in (string[])["false", "true"])
        {
            using var response = await fleet.Gateway.PostAsync("/v1/responses", $$"""{"model":"mini","stream":{{stream}}{{fields}}}""");

            var text = await response.Content.ReadAsStringAsync(Token);
            Assert.True(response.IsSuccessStatusCode, text);
            Assert.Contains(stream == "true" ? "response.completed" : "\"status\":\"completed\"", text, StringComparison.Ordinal);
            if (stream == "false")
                Assert.Equal(says, JsonElement.Parse(text).GetProperty("output").EnumerateArray().Any(item => item.GetProperty("content")[0].GetProperty("text").GetString()!.Length > 0));
        }
    }

    [Theory]
    [InlineData(NodeKind.Ollama, false)]
    [InlineData(NodeKind.OpenAi, false)]
    [InlineData(NodeKind.OpenAi, true)]
    public async Task A_response_before_is_enough(NodeKind kind, bool isLlamaCpp)
    {
        await using var fleet = await StartAsync(kind, isLlamaCpp);
        using var first = await fleet.Gateway.PostAsync("/v1/responses", """{"model":"mini","input":"one"}""");
        var id = JsonElement.Parse(await first.Content.ReadAsStringAsync(Token)).GetProperty("id").GetString();

        using var second = await fleet.Gateway.PostAsync("/v1/responses", $$"""{"model":"mini","previous_response_id":"{{id}}"}""");

        var text = await second.Content.ReadAsStringAsync(Token);
        Assert.True(second.IsSuccessStatusCode, text);
        Assert.Equal(id, JsonElement.Parse(text).GetProperty("previous_response_id").GetString());
    }

    private static Task<Fleet> StartAsync(NodeKind kind, bool isLlamaCpp) =>
        Fleet.StartAsync(new DoubleScript { IsLlamaCpp = isLlamaCpp, Models = [new DoubleModel { Name = "mini" }] }, kind: kind);
}
