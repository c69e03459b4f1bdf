using System.Net;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Keys at the door of HTTP.</summary>
public sealed class KeyGateTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"max_tokens":4,"stream":false}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/api/tags")]
    [InlineData("GET", "/api/nodes")]
    [InlineData("GET", "/metrics")]
    [InlineData("GET", "/nothing")]
    [InlineData("POST", "/api/chat")]
    [InlineData("POST", "/infer")]
    [InlineData("HEAD", "/api/tags")]
    [InlineData("OPTIONS", "/api/chat")]
    public async Task Once_there_is_a_key_nothing_is_served_without_one(string method, string path)
    {
        await using var gateway = await StartAsync();
        await gateway.AddKeyAsync("a");

        using var none = await gateway.SendAsync(new HttpMethod(method), path, null);
        using var wrong = await gateway.SendAsync(new HttpMethod(method), path, KeySecret.Make().Text);
        using var health = await gateway.GetAsync("/healthz");

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (none.StatusCode, wrong.StatusCode));
        Assert.Equal("Bearer", none.Headers.WwwAuthenticate.ToString());
        Assert.Equal("Bearer", wrong.Headers.WwwAuthenticate.ToString());
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    [Theory]
    [InlineData("/api/chat", """{"error":"a key is needed: send it as \"Authorization: Bearer KEY\" or as \"x-api-key: KEY\""}""")]
    [InlineData("/v1/chat/completions",
        """{"error":{"message":"a key is needed: send it as \"Authorization: Bearer KEY\" or as \"x-api-key: KEY\"","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}""")]
    [InlineData("/v1/messages",
        """{"type":"error","error":{"type":"authentication_error","message":"a key is needed: send it as \"Authorization: Bearer KEY\" or as \"x-api-key: KEY\""},"request_id":"ID"}""")]
    public async Task Each_API_says_so_in_its_own_form(string path, string expected)
    {
        await using var gateway = await StartAsync();
        await gateway.AddKeyAsync("a");

        using var answer = await gateway.SendAsync(HttpMethod.Post, path, null, Chat);

        var body = await answer.Content.ReadAsStringAsync(Cancellation);
        if (answer.Headers.TryGetValues("request-id", out var ids))
            expected = expected.Replace("ID", ids.Single(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.Unauthorized, expected), (answer.StatusCode, body.TrimEnd('\n')));
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task A_key_is_taken_in_either_header(string path)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("a");

        using var bearer = await gateway.SendAsync(HttpMethod.Post, path, key, Chat);
        using var request = Fleet.Post(path, Chat);
        request.Headers.Add("x-api-key", key);
        using var own = await gateway.Http.SendAsync(request, Cancellation);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (bearer.StatusCode, own.StatusCode));
    }

    [Theory]
    [InlineData(Scopes.None, "POST", "/api/chat", "infer")]
    [InlineData(Scopes.None, "POST", "/infer", "infer")]
    [InlineData(Scopes.Infer, "POST", "/api/pull", "models")]
    [InlineData(Scopes.Infer, "DELETE", "/api/delete", "models")]
    [InlineData(Scopes.Models, "GET", "/api/nodes", "admin")]
    [InlineData(Scopes.Models, "GET", "/metrics", "admin")]
    public async Task What_a_key_does_not_reach_to_is_named(Scopes scopes, string method, string path, string lacks)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Scopes = scopes });

        using var answer = await gateway.SendAsync(new HttpMethod(method), path, key, "{}");
        using var list = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var has = scopes == Scopes.None ? "none" : scopes.ToString().ToLowerInvariant();
        Assert.Equal($"key \"ci\" lacks the scope {lacks}; it has {has}", JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("error").GetString());
        Assert.Equal(HttpStatusCode.OK, list.StatusCode);
    }

    [Fact]
    public async Task A_key_that_reaches_everywhere_sees_nodes_and_metrics()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.All });

        using var nodes = await gateway.SendAsync(HttpMethod.Get, "/api/nodes", key);
        using var metrics = await gateway.SendAsync(HttpMethod.Get, "/metrics", key);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (nodes.StatusCode, metrics.StatusCode));
    }

    [Fact]
    public async Task Models_beyond_a_key_are_refused_and_hidden()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Models = ["other*"], Scopes = Scopes.All });

        using var chat = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", key, Chat);
        using var messages = await gateway.SendAsync(HttpMethod.Post, "/v1/messages", key, Chat);
        using var shown = await gateway.SendAsync(HttpMethod.Post, "/api/show", key, """{"model":"mini"}""");
        using var deleted = await gateway.SendAsync(HttpMethod.Delete, "/api/delete", key, """{"model":"mini"}""");
        using var one = await gateway.SendAsync(HttpMethod.Get, "/v1/models/mini", key);
        using var missing = await gateway.SendAsync(HttpMethod.Post, "/api/show", key, """{"model":"other:8"}""");
        using var list = await gateway.SendAsync(HttpMethod.Get, "/v1/models", key);
        using var tags = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);
        using var all = await gateway.SendAsync(HttpMethod.Get, "/api/tags", await gateway.AddKeyAsync("b"));

        Assert.All([chat, messages, shown, deleted, one], answer => Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode));
        var error = JsonElement.Parse(await chat.Content.ReadAsStringAsync(Cancellation)).GetProperty("error");
        Assert.Equal("key \"ci\" may not use model \"mini\"; it may use other*", error.GetProperty("message").GetString());
        Assert.Equal(("invalid_request_error", "insufficient_permissions"), (error.GetProperty("type").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains("\"permission_error\"", await messages.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.DoesNotContain("mini", await missing.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        foreach (var answer in new[] { list, tags })
        {
            var body = await answer.Content.ReadAsStringAsync(Cancellation);
            Assert.DoesNotContain("mini", body, StringComparison.Ordinal);
            Assert.Contains("other:7b", body, StringComparison.Ordinal);
        }
        Assert.Contains("mini", await all.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_for_an_alias_reaches_the_model_by_that_name_only()
    {
        await using var gateway = await StartAsync(options => options with
        {
            Catalogue = options.Catalogue with { Aliases = new Dictionary<string, string> { ["gpt-4o"] = "mini" } },
        });
        var alias = await gateway.AddKeyAsync("a", caller => caller with { Models = ["gpt-4o"] });
        var target = await gateway.AddKeyAsync("b", caller => caller with { Models = ["mini"] });
        var body = Chat.Replace("mini", "gpt-4o", StringComparison.Ordinal);

        using var byAlias = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", alias, body);
        using var byName = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", alias, Chat);
        using var meant = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", target, body);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden, HttpStatusCode.OK), (byAlias.StatusCode, byName.StatusCode, meant.StatusCode));
    }

    [Fact]
    public async Task Keys_come_and_go_while_the_gateway_runs()
    {
        await using var gateway = await StartAsync();
        using var open = await gateway.GetAsync("/api/tags");
        var key = await gateway.AddKeyAsync("a");
        using var known = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);
        await gateway.AddKeyAsync("b");
        await gateway.RemoveKeyAsync("a");
        using var removed = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);

        var file = gateway.App.Services.GetRequiredService<KeyFile>();
        await File.WriteAllTextAsync(file.Path, "{", Cancellation);
        gateway.App.Services.GetRequiredService<KeyWatch>().Look();
        using var damaged = await gateway.GetAsync("/api/tags");
        File.Delete(file.Path);
        gateway.App.Services.GetRequiredService<KeyWatch>().Look();
        using var gone = await gateway.GetAsync("/api/tags");

        Assert.Equal(
            [HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized],
            new[] { open, known, removed, damaged, gone }.Select(answer => answer.StatusCode));
        Assert.Contains("was removed", await removed.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_is_looked_at_twice_a_second()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), configure: builder => builder.Services.AddSingleton<TimeProvider>(time));
        await new KeyFile(Path.GetDirectoryName(gateway.App.Services.GetRequiredService<KeyFile>().Path)!, TimeProvider.System).ChangeAsync(
            _ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a" }, Hash = KeySecret.Hash("a") }], Cancellation);
        var keys = gateway.App.Services.GetRequiredService<KeyRing>();
        Assert.False(keys.IsRequired);

        time.Advance(KeyWatch.Interval);

        Assert.True(keys.IsRequired);
    }

    /// <summary>The clock's timers run inside <c>Advance</c>, so an exception that leaves one would be thrown here, as it would end the process outside of a test.</summary>
    [Theory]
    [InlineData(new byte[] { 0xFF })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}' })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', 0xC3, (byte)'"' })]
    public async Task A_bad_byte_in_the_file_changes_nothing_and_ends_nothing(byte[] damaged)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), configure: builder => builder.Services.AddSingleton<TimeProvider>(time));
        var path = gateway.App.Services.GetRequiredService<KeyFile>().Path;
        await new KeyFile(Path.GetDirectoryName(path)!, TimeProvider.System).ChangeAsync(
            _ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a" }, Hash = KeySecret.Hash("a") }], Cancellation);
        var keys = gateway.App.Services.GetRequiredService<KeyRing>();
        time.Advance(KeyWatch.Interval);
        Assert.True(keys.IsRequired);

        await File.WriteAllBytesAsync(path, damaged, Cancellation);
        time.Advance(KeyWatch.Interval);
        time.Advance(KeyWatch.Interval);

        Assert.Equal(1, keys.Count);
        using var answer = await gateway.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    /// <summary>What is warm shows whether another tenant has asked the same.</summary>
    [Theory]
    [InlineData(Scopes.Infer, false)]
    [InlineData(Scopes.All, true)]
    public async Task Why_a_node_was_chosen_is_told_to_admins_alone(Scopes scopes, bool isTold)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("a", caller => caller with { Scopes = scopes });
        using var request = Fleet.Post("/api/chat", Chat).With(key);
        request.Headers.Add("X-Chasqui-Explain", "1");

        using var answer = await gateway.Http.SendAsync(request, Cancellation);

        Assert.Equal((HttpStatusCode.OK, isTold), (answer.StatusCode, answer.Headers.Contains("X-Chasqui-Route")));
    }

    [Fact]
    public async Task A_key_that_has_expired_is_not_taken()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("a", expires: DateTimeOffset.UtcNow.AddDays(-1));

        using var answer = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_page_of_an_allowed_origin_asks_first_without_a_key_and_can_read_the_refusal()
    {
        await using var gateway = await StartAsync();
        await gateway.AddKeyAsync("a");
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/api/chat") { Headers = { { "Origin", "http://localhost:3000" } } };
        using var get = new HttpRequestMessage(HttpMethod.Get, "/api/tags") { Headers = { { "Origin", "http://localhost:3000" } } };

        using var asked = await gateway.Http.SendAsync(preflight, Cancellation);
        using var refused = await gateway.Http.SendAsync(get, Cancellation);

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.Unauthorized), (asked.StatusCode, refused.StatusCode));
        Assert.Equal("http://localhost:3000", refused.Headers.GetValues("Access-Control-Allow-Origin").Single());
    }

    [Theory]
    [InlineData("0.0.0.0:0", null)]
    [InlineData("127.0.0.1:0", "0.0.0.0:0")]
    public async Task Nobody_listens_to_the_world_without_keys_unless_told_to(string http, string? mcp)
    {
        Assert.True(HttpEndpoint.TryParse(http, out var endpoint));
        Assert.True(WireListen.TryParse(mcp ?? "127.0.0.1:0", out var listen));
        var folder = Directory.CreateTempSubdirectory("chasqui-keys-");
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [endpoint] },
            Wire = new WireListenOptions { Listen = [listen] },
            Data = new DataOptions { Folder = folder.FullName },
            Nodes = [],
        };

        var error = Assert.Throws<ConfigurationException>(() => GatewayHost.Build(options, KeyModels.Engine()));
        await using (GatewayHost.Build(options with { AllowAnonymous = true }, KeyModels.Engine()))
        {
            // It is built.
        }
        await new KeyFile(folder.FullName, TimeProvider.System).ChangeAsync(
            _ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a" }, Hash = KeySecret.Hash("a") }], Cancellation);
        await using var gateway = GatewayHost.Build(options, KeyModels.Engine());
        var keys = gateway.Services.GetRequiredService<KeyRing>();
        keys.Replace([]);
        folder.Delete(recursive: true);

        Assert.Contains("chasqui keys add NAME", error.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-anonymous", error.Message, StringComparison.Ordinal);
        // The last key was removed, and the door stays closed.
        Assert.Null(keys.Find(null));
    }

    [Fact]
    public async Task A_clients_key_goes_on_to_no_node()
    {
        await using var fleet = await Fleet.StartAsync(new OllamaDouble.DoubleScript());
        var key = await fleet.Gateway.AddKeyAsync("a");

        using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(fleet.Double.Requests, request => request.Path == "/api/chat");
        Assert.DoesNotContain(fleet.Double.Requests.SelectMany(request => request.Headers), header => header.Value.Contains(key, StringComparison.Ordinal));
    }

    private static Task<RunningGateway> StartAsync(Func<GatewayOptions, GatewayOptions>? change = null) => RunningGateway.StartAsync(KeyModels.Engine(), change);
}
