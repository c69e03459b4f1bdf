using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A gateway before a gateway with the embedded engine.</summary>
public sealed class ChainTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_API_works_through_two_gateways(bool overWire)
    {
        await using var chain = await Chain.StartAsync(overWire);
        foreach (var call in ApiCall.Generating.Concat(ApiCall.Others))
        {
            var through = await call.SendAsync(chain.Front.Http, Cancellation);
            var direct = await call.SendAsync(chain.Back.Http, Cancellation);

            Assert.True(through.End == CallEnd.Whole, through.ToString());
            Assert.True(direct.End == CallEnd.Whole, direct.ToString());
            Assert.Equal("back", through.Node);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lists_and_descriptions_come_through(bool overWire)
    {
        await using var chain = await Chain.StartAsync(overWire);
        foreach (var path in new[] { "/api/tags", "/v1/models", "/v1/models/mini" })
        {
            using var answer = await chain.Front.GetAsync(path);
            Assert.Contains("mini", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }
        using var shown = await chain.Front.PostAsync("/api/show", """{"model":"mini"}""");
        Assert.Contains("\"llama.block_count\"", await shown.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        using var missing = await chain.Front.PostAsync("/api/chat", """{"model":"nope","messages":[{"role":"user","content":"x"}]}""");
        Assert.Equal((404, """{"error":"model 'nope' not found"}"""), ((int)missing.StatusCode, await missing.Content.ReadAsStringAsync(Cancellation)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Typed_operations_over_MCP_go_through_two_gateways(bool overWire)
    {
        await using var chain = await Chain.StartAsync(overWire);
        await using var client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(chain.Front.App)));
        await using var direct = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(chain.Back.App)));
        var common = new Messages.GenerationCommon { Options = new() { NumPredict = 8, Seed = 5, Temperature = 0 } };
        var generate = new Messages.GenerateRequest { Model = "mini", Prompt = "Once upon a time", Common = common };
        var chat = new Messages.ChatRequest { Model = "mini", Common = common, Messages = { new Messages.ChatMessage { Role = "user", Content = "Tell me a story" } } };
        var embed = new Messages.EmbedRequest { Model = "mini", Inputs = { "a cat", "a dog" } };
        var tokenize = new Messages.TokenizeRequest { Model = "mini", Text = "Once upon a time" };

        Assert.Equal(await AllAsync(direct.GenerateAsync(generate, cancellationToken: Cancellation)), await AllAsync(client.GenerateAsync(generate, cancellationToken: Cancellation)));
        Assert.Equal(await AllAsync(direct.ChatAsync(chat, cancellationToken: Cancellation)), await AllAsync(client.ChatAsync(chat, cancellationToken: Cancellation)));
        Assert.Equal(
            (await direct.EmbedAsync(embed, cancellationToken: Cancellation)).Vectors.Select(vector => vector.Values.Count),
            (await client.EmbedAsync(embed, cancellationToken: Cancellation)).Vectors.Select(vector => vector.Values.Count));
        if (overWire)
        {
            Assert.Equal(
                (await direct.TokenizeAsync(tokenize, cancellationToken: Cancellation)).Tokens, (await client.TokenizeAsync(tokenize, cancellationToken: Cancellation)).Tokens);
        }
        else
        {
            // Ollama's API has no such thing, and that is said.
            var refused = await Assert.ThrowsAsync<ClientException>(() => client.TokenizeAsync(tokenize, cancellationToken: Cancellation));
            Assert.Equal("unsupported_capability", refused.Error.Code);
        }
    }

    [Theory]
    [InlineData(true, null, false)]
    [InlineData(true, "wanted", true)]
    [InlineData(false, null, true)]
    [InlineData(false, "wanted", false)]
    public async Task A_tool_that_must_be_called_over_MCP_is_called_by_the_gateway_behind(bool overWire, string? name, bool single)
    {
        const string Schema = """{"type":"object","properties":{"city":{"enum":["Lima"]}},"required":["city"]}""";
        await using var chain = await Chain.StartAsync(overWire);
        await using var client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(chain.Front.App)));
        var choice = new Messages.ToolChoice { Required = true, Single = single };
        if (name is not null)
            choice.Name = name;
        var chat = new Messages.ChatRequest
        {
            Model = "mini",
            Common = new Messages.GenerationCommon { Options = new() { NumPredict = 200, Seed = 5, Temperature = 0 } },
            Messages = { new Messages.ChatMessage { Role = "user", Content = "Hello!" } },
            Tools = $$$"""
                [{"type":"function","function":{"name":"first","parameters":{{{Schema}}}}},{"type":"function","function":{"name":"wanted","parameters":{{{Schema}}}}}]
                """,
            ToolChoice = choice,
        };

        var (calls, text) = (new List<JsonElement>(), "");
        await foreach (var update in client.ChatAsync(chat, cancellationToken: Cancellation))
        {
            text += update.Text;
            if (update.HasToolCalls)
                calls.AddRange(JsonElement.Parse(update.ToolCalls).EnumerateArray());
        }

        var function = Assert.Single(calls).GetProperty("function");
        Assert.Equal((name ?? function.GetProperty("name").GetString(), "Lima", ""),
            (function.GetProperty("name").GetString(), function.GetProperty("arguments").GetProperty("city").GetString(), text));
        Assert.Contains(function.GetProperty("name").GetString(), (string[])["first", "wanted"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_prompt_that_the_template_makes_comes_back_by_every_way(bool overWire)
    {
        const string Rendered = "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n";
        await using var chain = await Chain.StartAsync(overWire);
        await using var client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(chain.Front.App)));
        var common = new Messages.GenerationCommon { RenderOnly = true };
        var chat = new Messages.ChatRequest { Model = "mini", Common = common, Messages = { new Messages.ChatMessage { Role = "user", Content = "U" } } };

        var chatted = await LastAsync(client.ChatAsync(chat, cancellationToken: Cancellation));
        var generated = await LastAsync(client.GenerateAsync(new Messages.GenerateRequest { Model = "mini", Prompt = "U", Common = common }, cancellationToken: Cancellation));
        using var passed = await chain.Front.PostAsync("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"U"}],"_debug_render_only":true}""");

        Assert.Equal((Rendered, Rendered), (chatted.RenderedPrompt, generated.RenderedPrompt));
        Assert.Contains("rendered_template", await passed.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.True(passed.IsSuccessStatusCode);
    }

    private static async Task<Messages.GenerationUpdate> LastAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        Messages.GenerationUpdate? last = null;
        await foreach (var update in updates)
            last = update;
        return last!;
    }

    private static async Task<(string Text, int Tokens)> AllAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        var text = "";
        var tokens = 0;
        await foreach (var update in updates)
        {
            text += update.Text;
            if (update.Result is { } result)
                tokens = (int)result.CompletionTokens;
        }
        return (text, tokens);
    }

    private sealed class Chain(RunningGateway front, RunningGateway back) : IAsyncDisposable
    {
        public RunningGateway Front { get; } = front;

        public RunningGateway Back { get; } = back;

        public static async Task<Chain> StartAsync(bool overWire)
        {
            var back = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
            var url = overWire ? GatewayHost.WireAddresses(back.App).Single() : back.Address.ToString();
            var front = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with
            {
                EngineEnabled = false,
                Nodes = [new NodeOptions { Name = "back", Url = url, Kind = NodeKind.Chasqui }],
            });
            await front.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
            return new Chain(front, back);
        }

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await Back.DisposeAsync();
        }
    }
}
