using System.Text;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What the embedded engine has computed before does not tell a caller what another tenant has asked. With the shipped model.</summary>
public sealed class PrefixScopeTests : IAsyncLifetime
{
    private const string Options = "\"options\":{\"num_predict\":1}";

    private const string ChatPath = "/v1/chat/completions";
    private const string Header = "x-chasqui-prefix-scope";

    private static readonly string _prompt = string.Concat(Enumerable.Range(0, 30).Select(i => $"Rule {i}: be kind to every fox and bear. "));

    private static readonly string _chat = $$"""{"model":"mini","max_tokens":1,"messages":[{"role":"user","content":"{{_prompt}}"}]}""";

    private RunningGateway _gateway = null!;
    private string _one = null!;
    private string _same = null!;
    private string _other = null!;
    private int _strangers;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await StartAsync(EngineProcess.Gateway);
        _one = await AddAsync(_gateway, "one", "t");
        _same = await AddAsync(_gateway, "same", "t");
        _other = await AddAsync(_gateway, "other", "u");
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData("/v1/chat/completions", "\"max_tokens\":1")]
    [InlineData("/v1/responses", "\"max_output_tokens\":16,\"store\":false")]
    [InlineData("/v1/messages", "\"max_tokens\":1")]
    public async Task Over_HTTP_another_tenants_prompt_is_none_that_was_asked(string path, string bound)
    {
        var body = path == "/v1/responses"
            ? $$"""{"model":"mini",{{bound}},"input":"{{_prompt}}"}"""
            : $$"""{"model":"mini",{{bound}},"messages":[{"role":"user","content":"{{_prompt}}"}]}""";

        Assert.Equal(0, await CachedAsync(_one, path, body));
        Assert.Equal(0, await CachedAsync(_other, path, body));
        Assert.InRange(await CachedAsync(_same, path, body), 100, int.MaxValue);
        Assert.InRange(await CachedAsync(_other, path, body), 100, int.MaxValue);
    }

    /// <summary>Ollama's API tells no such count. Its times come from what is computed, which the engine counts.</summary>
    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    public async Task Over_Ollamas_API_another_tenants_prompt_is_computed_as_a_whole(string path)
    {
        var asks = path == "/api/chat" ? $$"""messages":[{"role":"user","content":"{{_prompt}}"}]""" : $"prompt\":\"{_prompt}\"";
        var body = $$"""{"model":"mini","stream":false,{{Options}},"{{asks}}}""";

        var prompt = await ComputedAsync(_one, path, body);
        Assert.InRange(prompt, 100, int.MaxValue);
        Assert.Equal(prompt, await ComputedAsync(_other, path, body));
        Assert.Equal(1, await ComputedAsync(_same, path, body));
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("generate")]
    [InlineData("infer")]
    [InlineData("kept")]
    [InlineData("session")]
    [InlineData("node")]
    [InlineData("seed")]
    public async Task Over_MCP_another_tenants_prompt_is_none_that_was_asked(string way)
    {
        await using var one = Client(_gateway, _one);
        await using var same = Client(_gateway, _same);
        await using var other = Client(_gateway, _other);

        Assert.Equal(0, (await AskAsync(one, way)).CachedPromptTokens);
        Assert.Equal(0, (await AskAsync(other, way)).CachedPromptTokens);
        Assert.InRange((await AskAsync(same, way)).CachedPromptTokens, 100, int.MaxValue);
    }

    /// <summary>Neither the field of a message nor the header leads into what is another's, whatever it says.</summary>
    [Fact]
    public async Task A_scope_that_a_caller_names_is_replaced()
    {
        await using var one = Client(_gateway, _one);
        Assert.Equal(0, (await AskAsync(one, "chat")).CachedPromptTokens);
        foreach (var scope in new[] { PrefixScope.Of(new Caller { Id = "one", Tenant = "t" }, null)!, "tenant t", "" })
        {
            foreach (var way in new[] { "chat", "infer", "generate", "kept" })
            {
                await using var other = Client(_gateway, await StrangerAsync());
                Assert.Equal(0, (await AskAsync(other, way, scope)).CachedPromptTokens);
            }
            Assert.Equal(0, await CachedAsync(await StrangerAsync(), ChatPath, _chat, (Header, scope)));
            await using var within = Client(_gateway, await StrangerAsync());
            await using var answer = await within.HttpAsync("POST", ChatPath, Encoding.UTF8.GetBytes(_chat), [new(Header, scope)], Cancellation);
            Assert.Equal((200, 0), (answer.Status, CachedOf(Encoding.UTF8.GetString(await answer.ReadBodyAsync(cancellationToken: Cancellation)))));
        }
        Assert.InRange((await AskAsync(one, "chat")).CachedPromptTokens, 100, int.MaxValue);
    }

    [Fact]
    public async Task A_worker_process_keeps_tenants_apart_too()
    {
        await using var gateway = await StartAsync(EngineProcess.Worker);
        var (a, b) = (await AddAsync(gateway, "a", "t"), await AddAsync(gateway, "b", "u"));
        await using var one = Client(gateway, a);
        await using var other = Client(gateway, b);

        Assert.Equal(0, (await AskAsync(one, "chat")).CachedPromptTokens);
        Assert.Equal(0, (await AskAsync(other, "chat")).CachedPromptTokens);
        Assert.InRange((await AskAsync(one, "chat")).CachedPromptTokens, 100, int.MaxValue);
    }

    [Fact]
    public async Task Callers_without_a_key_share_what_was_computed_where_none_is_needed()
    {
        await using var gateway = await StartAsync(EngineProcess.Gateway);
        await using var one = Client(gateway, null);
        await using var another = Client(gateway, null);

        Assert.Equal(0, (await AskAsync(one, "chat")).CachedPromptTokens);
        Assert.InRange((await AskAsync(another, "chat")).CachedPromptTokens, 100, int.MaxValue);
    }

    /// <summary>To the gateway behind all callers of the one before it have the same key.</summary>
    [Fact]
    public async Task A_gateway_before_the_engine_tells_which_of_its_tenants_asks()
    {
        await using var front = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with
        {
            EngineEnabled = false,
            Nodes = [new NodeOptions { Name = "back", Url = GatewayHost.WireAddresses(_gateway.App)[0], ApiKey = _one, Kind = NodeKind.Chasqui }],
        });
        await front.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
        var (a, b) = (await AddAsync(front, "a", "t"), await AddAsync(front, "b", "u"));
        await using var one = Client(front, a);
        await using var other = Client(front, b);
        var victim = PrefixScope.Of(new Caller { Id = "a", Tenant = "t" }, null);

        // As a message that passes, by its types, and as a body of HTTP.
        Assert.Equal(0, (await AskAsync(one, "chat")).CachedPromptTokens);
        Assert.Equal(0, (await AskAsync(other, "chat", victim)).CachedPromptTokens);
        Assert.InRange((await AskAsync(one, "kept")).CachedPromptTokens, 100, int.MaxValue);
        Assert.Equal(0, (await AskAsync(other, "chat", "tenant t")).CachedPromptTokens);
        Assert.InRange(await CachedAsync(front, a, ChatPath, _chat), 100, int.MaxValue);
        Assert.Equal(0, await CachedAsync(front, await AddAsync(front, "c", "v"), ChatPath, _chat, (Header, victim!)));
    }

    /// <summary>The key of a tenant that has asked nothing yet.</summary>
    private Task<string> StrangerAsync()
    {
        var name = $"stranger-{++_strangers}";
        return AddAsync(_gateway, name, name);
    }

    private static Task<RunningGateway> StartAsync(EngineProcess process) => RunningGateway.StartAsync(process, options => options with
    {
        Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] },
        Engine = options.Engine with { Slots = 32, ContextLength = 1024, Threads = 1 },
        Cache = options.Cache with { Enabled = false },
    });

    private static Task<string> AddAsync(RunningGateway gateway, string name, string tenant) => gateway.AddKeyAsync(name, caller => caller with { Tenant = tenant });

    private static ChasquiClient Client(RunningGateway gateway, string? key) => new(new ChasquiClientOptions
    {
        Endpoint = GatewayHost.WireAddresses(gateway.App)[0],
        ApiKey = key,
        ConnectAttempts = 1,
    });

    /// <summary>Asks the prompt, and tells the result.</summary>
    private static async Task<Messages.GenerationResult> AskAsync(ChasquiClient client, string way, string? scope = null)
    {
        var common = new Messages.GenerationCommon { Options = new() { NumPredict = 1 } };
        if (scope is not null)
            common.PrefixScope = scope;
        if (way == "seed")
            common.Options.Seed = 1;
        var chat = new Messages.ChatRequest { Model = "mini", Common = common, Messages = { new Messages.ChatMessage { Role = "user", Content = _prompt } } };
        var generate = new Messages.GenerateRequest { Model = "mini", Common = common, Prompt = _prompt };
        var updates = way switch
        {
            "generate" => client.GenerateAsync(generate, null, Cancellation),
            "infer" => client.InferAsync(new Messages.InferRequest { Chat = chat }, null, Cancellation),
            "kept" => client.ChatAsync(chat, new CallOptions { Resume = true }, Cancellation),
            "session" => client.ChatAsync(chat, new CallOptions { Session = "new" }, Cancellation),
            "node" => client.ChatAsync(chat, new CallOptions { Node = NodeOptions.EmbeddedName }, Cancellation),
            _ => client.ChatAsync(chat, new CallOptions { Resume = false }, Cancellation),
        };
        Messages.GenerationResult? result = null;
        await foreach (var update in updates)
            result = update.Result ?? result;
        return result!;
    }

    private Task<int> CachedAsync(string key, string path, string body, params (string Name, string Value)[] headers) => CachedAsync(_gateway, key, path, body, headers);

    private static async Task<int> CachedAsync(RunningGateway gateway, string key, string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body) }.With(key);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        using var answer = await gateway.Http.SendAsync(request, Cancellation);
        var text = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.True(answer.IsSuccessStatusCode, text);
        return CachedOf(text);
    }

    /// <summary>Where nothing was cached some APIs do not tell so.</summary>
    private static int CachedOf(string answer)
    {
        var usage = JsonElement.Parse(answer).GetProperty("usage");
        foreach (var details in new[] { "prompt_tokens_details", "input_tokens_details" })
        {
            if (usage.TryGetProperty(details, out var told))
                return told.GetProperty("cached_tokens").GetInt32();
        }
        return usage.TryGetProperty("cache_read_input_tokens", out var read) ? read.GetInt32() : 0;
    }

    /// <summary>Tokens of prompts that the engine computed for a request.</summary>
    private async Task<int> ComputedAsync(string key, string path, string body)
    {
        var before = await CountAsync();
        using var answer = await _gateway.SendAsync(HttpMethod.Post, path, key, body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return (int)(await CountAsync() - before);
    }

    private async Task<long> CountAsync() => (await _gateway.Engine.ListResidentAsync(Cancellation)).Sum(model => model.Counters.PromptTokens);
}
