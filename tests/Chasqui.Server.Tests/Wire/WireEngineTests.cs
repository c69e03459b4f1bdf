using System.Text;
using System.Text.Json.Nodes;
using Chasqui.Client;
using Chasqui.Protocol.Operations;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>Every operation over MCP, with the embedded engine and the shipped model.</summary>
public abstract class WireEngineTests(EngineProcess process) : IAsyncLifetime
{
    private RunningGateway _gateway = null!;
    private ChasquiClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync(process, options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        _client = new ChasquiClient(Assert.Single(GatewayHost.WireAddresses(_gateway.App)));
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _client.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Generate_chat_and_infer_stream_text_and_end_with_a_result()
    {
        var common = new Messages.GenerationCommon { Options = new() { NumPredict = 8, Seed = 5, Temperature = 0 } };
        var generate = new Messages.GenerateRequest { Model = "mini", Prompt = "Once upon a time", Common = common };
        var chat = new Messages.ChatRequest { Model = "mini", Common = common, Messages = { new Messages.ChatMessage { Role = "user", Content = "Tell me a story" } } };

        var (text, result) = await AllAsync(_client.GenerateAsync(generate, cancellationToken: Cancellation));
        var (inferred, _) = await AllAsync(_client.InferAsync(new Messages.InferRequest { Generate = generate }, cancellationToken: Cancellation));
        var (said, _) = await AllAsync(_client.ChatAsync(chat, cancellationToken: Cancellation));
        var (chatted, _) = await AllAsync(_client.InferAsync(new Messages.InferRequest { Chat = chat }, cancellationToken: Cancellation));

        Assert.NotEmpty(text);
        Assert.Equal((8, Messages.FinishReason.Length), (result.CompletionTokens, result.Reason));
        Assert.Equal((text, said), (inferred, chatted));
        using var http = await _gateway.PostAsync("/api/generate", """{"model":"mini","prompt":"Once upon a time","stream":false,"options":{"num_predict":8,"seed":5,"temperature":0}}""");
        Assert.Equal(text, JsonNode.Parse(await http.Content.ReadAsStringAsync(Cancellation))!["response"]!.GetValue<string>());
    }

    [Fact]
    public async Task Models_are_listed_shown_loaded_pinned_and_unloaded_and_the_channel_tells()
    {
        await using var events = _client.SubscribeAsync("models", cancellationToken: Cancellation).GetAsyncEnumerator(Cancellation);
        var first = events.MoveNextAsync();
        while ((await _client.PublishAsync("probe", default, cancellationToken: Cancellation)).Number < 3)
        {
            // Rounds over the same connection: the subscription was sent before them.
        }

        Assert.Equal("mini:latest", Assert.Single((await _client.ListModelsAsync(cancellationToken: Cancellation)).Models).Name);
        var shown = await _client.ShowModelAsync("mini", cancellationToken: Cancellation);
        var loaded = await _client.LoadModelAsync(new Messages.LoadRequest { Model = "mini" }, cancellationToken: Cancellation);
        var pinned = await _client.PinModelAsync("mini", cancellationToken: Cancellation);
        var resident = await _client.ListResidentModelsAsync(cancellationToken: Cancellation);
        var unpinned = await _client.PinModelAsync("mini", unpin: true, cancellationToken: Cancellation);
        var gone = await _client.UnloadModelAsync("mini", cancellationToken: Cancellation);
        var again = await _client.UnloadModelAsync("mini", cancellationToken: Cancellation);

        Assert.NotEmpty(shown.Metadata);
        Assert.NotEqual(DateTime.MaxValue.Ticks, loaded.ExpiresTicks);
        Assert.Equal(DateTimeOffset.MaxValue.Ticks, pinned.ExpiresTicks);
        Assert.Equal("mini:latest", Assert.Single(resident.Models).Summary.Name);
        Assert.NotEqual(DateTimeOffset.MaxValue.Ticks, unpinned.ExpiresTicks);
        Assert.Equal((true, false), (gone.WasResident, again.WasResident));
        Assert.True(await first);
        var told = new List<string> { events.Current.Payload.ToStringUtf8() };
        while (told.Count < 4 && await events.MoveNextAsync())
            told.Add(events.Current.Payload.ToStringUtf8());
        Assert.Equal(["loaded", "pinned", "unpinned", "unloaded"], told.Select(json => JsonNode.Parse(json)!["event"]!.GetValue<string>()));
        Assert.All(told, json => Assert.Equal("mini:latest", JsonNode.Parse(json)!["model"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Texts_become_tokens_and_vectors()
    {
        var tokens = await _client.TokenizeAsync(new Messages.TokenizeRequest { Model = "mini", Text = "Once upon a time" }, cancellationToken: Cancellation);
        var answer = await _client.EmbedAsync(new Messages.EmbedRequest { Model = "mini", Inputs = { "a cat", "a dog" } }, cancellationToken: Cancellation);

        Assert.NotEmpty(tokens.Tokens);
        Assert.Equal([128, 128], answer.Vectors.Select(vector => vector.Values.Count));
    }

    [Fact]
    public async Task The_gateway_says_what_it_can()
    {
        var info = await _client.GetServerInfoAsync(cancellationToken: Cancellation);

        Assert.Equal("chasqui", info.Name);
        Assert.Equal(
            [
                Operation.ChannelPublish, Operation.ChannelSubscribe, Operation.Chat, Operation.Embed, Operation.Generate, Operation.GenerationCancel, Operation.GenerationResume, Operation.Http, Operation.Infer, Operation.ModelsCopy,
                Operation.ModelsCreate, Operation.ModelsDelete, Operation.ModelsList, Operation.ModelsLoad, Operation.ModelsPin, Operation.ModelsPs, Operation.ModelsPull,
                Operation.ModelsPush, Operation.ModelsShow, Operation.ModelsUnload, Operation.ServerInfo, Operation.Tokenize,
            ],
            info.Operations.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("no-such-model", 404, "model_not_found")]
    [InlineData("a b", 400, "invalid_model_name")]
    [InlineData("", 400, "invalid_request")]
    public async Task A_wrong_model_is_an_error_with_its_status(string model, int status, string code)
    {
        var error = await Assert.ThrowsAsync<ClientException>(
            () => AllAsync(_client.GenerateAsync(new Messages.GenerateRequest { Model = model, Prompt = "x" }, cancellationToken: Cancellation)));

        Assert.Equal((status, code), (error.Status, error.Error.Code));
    }

    [Fact]
    public async Task What_cannot_be_done_is_told_with_its_status()
    {
        var option = await Assert.ThrowsAsync<ClientException>(() => AllAsync(_client.GenerateAsync(
            new Messages.GenerateRequest { Model = "mini", Prompt = "x", Common = new() { Options = new() { TopP = 3 } } }, cancellationToken: Cancellation)));

        Assert.Equal((400, "invalid_option", "top_p"), (option.Status, option.Error.Code, option.Error.Details["option"]));
    }

    [Theory]
    [InlineData("GET", "/api/tags", "")]
    [InlineData("GET", "/api/version", "")]
    [InlineData("POST", "/api/show", """{"model":"mini"}""")]
    [InlineData("POST", "/api/generate", """{"model":"mini","prompt":""}""")]
    [InlineData("POST", "/api/generate", "{\"model\":")]
    [InlineData("GET", "/no/such/path?x=1", "")]
    public async Task Bodies_of_the_HTTP_API_pass_as_they_are(string method, string path, string body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body.Length > 0 ? new StringContent(body, Encoding.UTF8, "application/json") : null };
        using var expected = await _gateway.Http.SendAsync(request, Cancellation);
        await using var answer = await _client.HttpAsync(method, path, Encoding.UTF8.GetBytes(body), cancellationToken: Cancellation);

        Assert.Equal(((int)expected.StatusCode, expected.Content.Headers.ContentType?.ToString() ?? ""), (answer.Status, answer.ContentType));
        var text = Encoding.UTF8.GetString(await answer.ReadBodyAsync(cancellationToken: Cancellation));
        Assert.Equal(WithoutTimes(await expected.Content.ReadAsStringAsync(Cancellation)), WithoutTimes(text));
    }

    [Fact]
    public async Task A_streamed_body_of_the_HTTP_API_comes_in_parts()
    {
        await using var answer = await _client.HttpAsync(
            "POST", "/api/generate", """{"model":"mini","prompt":"Once","options":{"num_predict":6}}"""u8.ToArray(), cancellationToken: Cancellation);
        var parts = new List<string>();
        await foreach (var part in answer.ReadPartsAsync(Cancellation))
            parts.Add(Encoding.UTF8.GetString(part.Span));

        Assert.Equal("application/x-ndjson", answer.ContentType);
        Assert.True(parts.Count > 1);
        Assert.Contains("\"done\":true", parts[^1]);
    }

    private static async Task<(string Text, Messages.GenerationResult Result)> AllAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        var text = new StringBuilder();
        Messages.GenerationResult? result = null;
        await foreach (var update in updates)
        {
            text.Append(update.Text);
            result = update.Result ?? result;
        }

        return (text.ToString(), result!);
    }

    private static string WithoutTimes(string json) =>
        System.Text.RegularExpressions.Regex.Replace(json, "\"(created_at|[a-z_]*duration)\":(\"[^\"]*\"|[0-9]+)", "\"$1\":0");
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class WireEngineWorkerTests() : WireEngineTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class WireEngineGatewayTests() : WireEngineTests(EngineProcess.Gateway);
