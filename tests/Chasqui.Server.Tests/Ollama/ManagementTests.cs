using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Chasqui.Client;
using Chasqui.Engines.Remote;
using Chasqui.Engines.Tests.Models.Managed;
using OllamaSharp;
using OllamaSharp.Models;

namespace Chasqui.Server.Tests;

/// <summary>Models are pulled, pushed, made, copied and removed: by OllamaSharp over HTTP, by our own client over MCP.</summary>
public abstract class ManagementTests(EngineProcess process) : IAsyncLifetime
{
    private RunningGateway _gateway = null!;
    private RegistryDouble _registry = null!;
    private OllamaApiClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Mini { get; } = File.ReadAllBytes(Repository.Mini);

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryDouble.StartAsync();
        _gateway = await RunningGateway.StartAsync(process, options => options with
        {
            Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] },
            Http = options.Http with { MaxRequestBodyBytes = 4096 },
        });
        _client = new OllamaApiClient(_gateway.Address, "mini");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _client.Dispose();
        await _gateway.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task OllamaSharp_makes_copies_removes_and_uploads()
    {
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Mini));
        Assert.False(await _client.IsBlobExistsAsync(digest, Token));
        await _client.PushBlobAsync(digest, Mini, Token);
        Assert.True(await _client.IsBlobExistsAsync(digest, Token));

        var said = new List<string>();
        await foreach (var step in _client.CreateModelAsync(new CreateModelRequest
        {
            Model = "kind",
            Files = new Dictionary<string, string> { ["a.gguf"] = digest },
            System = "Be kind.",
            Stream = true,
        }, Token))
        {
            said.Add(step!.Status);
        }
        await _client.CopyModelAsync("kind", "me/kinder:v2", Token);
        var names = (await _client.ListLocalModelsAsync(Token)).Select(model => model.Name).Order(StringComparer.Ordinal);
        var shown = await _client.ShowModelAsync("me/kinder:v2", Token);
        var text = "";
        await foreach (var piece in _client.GenerateAsync(new OllamaSharp.Models.GenerateRequest { Model = "me/kinder:v2", Prompt = "Hello!", Options = new RequestOptions { NumPredict = 4 } }, Token))
            text += piece?.Response;
        await _client.DeleteModelAsync("kind", Token);
        await _client.DeleteModelAsync("me/kinder:v2", Token);

        Assert.Equal(["parsing GGUF", "success"], [said[0], said[^1]]);
        Assert.Equal(["kind:latest", "me/kinder:v2", "mini:latest"], names);
        Assert.Equal("Be kind.", shown.System);
        Assert.NotEmpty(text);
        Assert.Equal("mini:latest", Assert.Single(await _client.ListLocalModelsAsync(Token)).Name);
        // As with Ollama: what is in memory stays there.
        Assert.Equal("me/kinder:v2", Assert.Single(await _client.ListRunningModelsAsync(Token)).Name);
    }

    [Theory]
    [InlineData("create", """{"model":"x1","files":{"../a.gguf":"sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"}}""", "file path must be relative")]
    [InlineData("create", """{"model":"x1","files":{"/a.gguf":"sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"}}""", "file path must be relative")]
    [InlineData("create", """{"model":"x1","files":{"a//b.gguf":"sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"}}""", "file path must be relative")]
    [InlineData("create", """{"model":"x1","files":{"a/./b.gguf":"sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"}}""", "file path must be relative")]
    [InlineData("create", """{"model":"b b","files":{"../a.gguf":""}}""", "file path must be relative")]
    [InlineData("create", """{"model":"x1","from":"mini","adapters":{"a.gguf":""}}""", "invalid digest format")]
    [InlineData("create", """{"model":"b b","from":"mini"}""", "invalid model name")]
    [InlineData("create", """{"model":"x1","from":"b b"}""", "invalid model name")]
    [InlineData("create", """{"model":"x1","files":{"a.gguf":"sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"},"quantize":"q9"}""", "unsupported quantization type Q9 - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0")]
    [InlineData("pull", """{"model":"b b"}""", "invalid model name")]
    [InlineData("push", """{"model":"b b"}""", "invalid model name")]
    [InlineData("push", "{}", "model is required")]
    [InlineData("copy", """{"source":"mini","destination":"../b"}""", "destination \"../b\" is invalid")]
    public async Task What_is_wrong_with_a_request_is_told_before_a_stream_begins(string what, string body, string error)
    {
        using var refused = await _gateway.PostAsync("/api/" + what, body);

        Assert.Equal(error, (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync(Token))!["error"]);
        Assert.Equal((400, "application/json"), ((int)refused.StatusCode, refused.Content.Headers.ContentType!.MediaType));
    }

    [Fact]
    public async Task OllamaSharp_pulls_and_pushes()
    {
        _registry.Add("library/small", "1", Mini);
        var name = $"{_registry.Authority}/library/small:1";
        var pulled = new List<PullModelResponse>();
        await foreach (var step in _client.PullModelAsync(new PullModelRequest { Model = name, Insecure = true }, Token))
            pulled.Add(step!);
        await _client.CopyModelAsync(name, $"{_registry.Authority}/me/other:2", Token);
        var pushed = new List<PushModelResponse>();
        await foreach (var step in _client.PushModelAsync(new PushModelRequest { Model = $"{_registry.Authority}/me/other:2", Insecure = true }, Token))
            pushed.Add(step!);

        Assert.Equal("success", pulled[^1].Status);
        Assert.Contains(pulled, step => step.Total == Mini.Length && step.Completed == Mini.Length);
        Assert.Equal("success", pushed[^1].Status);
        using var manifest = await new HttpClient().GetAsync(new Uri($"http://{_registry.Authority}/v2/me/other/manifests/2"), Token);
        Assert.Equal(HttpStatusCode.OK, manifest.StatusCode);
    }

    [Theory]
    [InlineData("POST", "/api/copy", """{"source":"nope","destination":"x"}""", 404, """model "nope" not found""")]
    [InlineData("POST", "/api/copy", """{"source":"a/../b","destination":"x"}""", 400, "source \"a/../b\" is invalid")]
    [InlineData("DELETE", "/api/delete", """{"model":"nope"}""", 404, "model 'nope' not found")]
    [InlineData("DELETE", "/api/delete", """{"model":"../x"}""", 400, "name \"../x\" is invalid")]
    [InlineData("DELETE", "/api/delete", """{"model":"mini"}""", 400, "in a folder that is only read")]
    [InlineData("POST", "/api/create", """{"model":"x","from":"mini","adapters":{"a":"b"}}""", 400, "\"adapters\" is not supported")]
    [InlineData("POST", "/api/create", """{"model":"x","from":"mini","renderer":"y"}""", 400, "\"renderer\" is not supported")]
    [InlineData("POST", "/api/create", """{"model":"x","from":"mini","parameters":[]}""", 400, "\"parameters\" must be an object, not an array")]
    [InlineData("POST", "/api/create", "", 400, "missing request body")]
    [InlineData("POST", "/api/push", "{}", 400, "model is required")]
    [InlineData("POST", "/api/blobs/sha256:00", "x", 400, "invalid digest format")]
    public async Task What_is_wrong_is_told(string method, string path, string body, int status, string error)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(body) };
        using var answer = await _gateway.Http.SendAsync(request, Token);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Contains(error, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!["error"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_upload_that_is_not_what_its_digest_says_leaves_nothing()
    {
        var wrong = "sha256:" + new string('1', 64);
        using var answer = await _gateway.Http.PostAsync(new Uri($"/api/blobs/{wrong}", UriKind.Relative), new ByteArrayContent(Mini), Token);
        using var actual = await _gateway.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/api/blobs/{RegistryDouble.DigestOf(Mini)}"), Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith("{\"error\":\"digest mismatch", await answer.Content.ReadAsStringAsync(Token));
        Assert.Equal(HttpStatusCode.NotFound, actual.StatusCode);
    }

    [Fact]
    public async Task An_engine_that_manages_no_models_is_named()
    {
        await using var plain = await RunningGateway.StartAsync(new ScriptedEngine());
        using var answer = await plain.PostAsync("/api/pull", """{"model":"x"}""");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("does not manage models", await answer.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task All_of_it_goes_over_MCP_too()
    {
        await using var client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(_gateway.App)));
        await using var engine = new RemoteEngine(client, "far", ownsClient: false);
        _registry.Add("library/small", "1", Mini);
        var name = $"{_registry.Authority}/library/small:1";
        var digest = RegistryDouble.DigestOf(Mini);

        await using (var upload = await client.HttpAsync("POST", $"/api/blobs/{digest}", Mini, "application/octet-stream", cancellationToken: Token))
            Assert.Equal(201, upload.Status);
        Assert.True(await engine.HasBlobAsync(digest, Token));
        Assert.False(await engine.HasBlobAsync("sha256:" + new string('2', 64), Token));
        var made = await StatusesAsync(engine.CreateAsync(new CreateRequest
        {
            Model = "kind",
            Files = new Dictionary<string, string> { ["a"] = digest },
            System = "Be kind.",
            Licenses = ["ONE"],
            Parameters = System.Text.Json.JsonElement.Parse("""{"seed":3}"""),
        }, Token));
        var pulled = await StatusesAsync(engine.PullAsync(new TransferRequest { Model = name, Insecure = true }, Token));
        await engine.CopyAsync("kind", $"{_registry.Authority}/me/kind", Token);
        var pushed = await StatusesAsync(engine.PushAsync(new TransferRequest { Model = $"{_registry.Authority}/me/kind", Insecure = true }, Token));
        var shown = await engine.ShowAsync("kind", Token);
        await engine.DeleteAsync("kind", Token);

        Assert.Equal(["success", "success", "success"], [made[^1], pulled[^1], pushed[^1]]);
        Assert.Equal(("Be kind.", 3, "ONE"), (shown.System, shown.Parameters.Seed, Assert.Single(shown.Licenses)));
        await Assert.ThrowsAsync<ModelNotFoundException>(() => engine.DeleteAsync("kind", Token));
        var other = new byte[3_000_000];
        Random.Shared.NextBytes(other);
        await engine.WriteBlobAsync(RegistryDouble.DigestOf(other), new MemoryStream(other), Token);
        Assert.True(await engine.HasBlobAsync(RegistryDouble.DigestOf(other), Token));
        var wrong = await Assert.ThrowsAsync<InvalidRequestException>(() => engine.WriteBlobAsync("sha256:" + new string('3', 64), new MemoryStream(other), Token));
        Assert.StartsWith("digest mismatch", wrong.Message);
        await Assert.ThrowsAsync<InvalidRequestException>(() => engine.WriteBlobAsync("sha256:4", new MemoryStream(other), Token));
        var missing = await Assert.ThrowsAsync<RegistryModelNotFoundException>(() => StatusesAsync(engine.PullAsync(new TransferRequest { Model = $"{_registry.Authority}/library/none", Insecure = true }, Token)));
        Assert.Contains("file does not exist", missing.Message);
    }

    [Fact]
    public async Task A_client_that_leaves_stops_its_pull_and_the_next_goes_on()
    {
        var digest = _registry.Add("library/small", "1", Mini);
        var begun = new TaskCompletionSource();
        _registry.Between = async (blob, at, cancelled) =>
        {
            if (blob == digest && at >= 500_000)
            {
                begun.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancelled);
            }
        };
        var body = Encoding.UTF8.GetBytes($$"""{"model":"http://{{_registry.Authority}}/library/small:1"}""");
        using (var leave = CancellationTokenSource.CreateLinkedTokenSource(Token))
        {
            var pull = _gateway.Http.PostAsync(new Uri("/api/pull", UriKind.Relative), new ByteArrayContent(body), leave.Token);
            await begun.Task.WaitAsync(Token);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        }

        _registry.Between = (_, _, _) => Task.CompletedTask;
        using var again = await _gateway.PostAsync("/api/pull", Encoding.UTF8.GetString(body)[..^1] + ",\"stream\":false}");
        Assert.Equal("{\"status\":\"success\"}", await again.Content.ReadAsStringAsync(Token));
        Assert.Contains(_registry.Requests, request => request.Contains(digest, StringComparison.Ordinal) && !request.Contains("bytes=0-", StringComparison.Ordinal));
    }

    private static async Task<List<string>> StatusesAsync(IAsyncEnumerable<ModelProgress> progress)
    {
        var all = new List<string>();
        await foreach (var step in progress.WithCancellation(Token))
            all.Add(step.Status);
        return all;
    }
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class ManagementWorkerTests() : ManagementTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class ManagementGatewayTests() : ManagementTests(EngineProcess.Gateway);
