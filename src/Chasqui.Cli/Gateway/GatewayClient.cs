using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>A gateway (or an Ollama) at an address, over Ollama's HTTP API.</summary>
internal sealed class GatewayClient : IGatewayHost
{
    /// <summary>Most bytes of an answer that is not streamed.</summary>
    private const int MaxAnswer = 64 << 20;

    private readonly HttpClient _http;

    /// <param name="server">Where it is.</param>
    /// <param name="key">The key that it asks for; null for none.</param>
    public GatewayClient(Uri server, string? key = null)
    {
        Server = server;
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            AllowAutoRedirect = false,
            // A proxy of the environment cannot reach this machine's own gateway.
            UseProxy = !server.IsLoopback,
        };
        _http = new HttpClient(handler)
        {
            BaseAddress = server,
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxAnswer,
        };
        if (key is not null)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Uri Server { get; }

    public string Place => Server.GetLeftPart(UriPartial.Authority);

    /// <summary>Whether a gateway is there, ready or not. Something else that answers HTTP is none.</summary>
    public async Task<bool> IsPresentAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            using var response = await _http.GetAsync("healthz", HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return response.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken) => ChatAsync(request, [], cancellationToken);

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, string session, long version, CancellationToken cancellationToken) => ChatAsync(
        request, [("X-Chasqui-Session", session), ("X-Chasqui-Session-Version", version.ToString(CultureInfo.InvariantCulture))], cancellationToken);

    private async IAsyncEnumerable<GenerationUpdate> ChatAsync(
        ChatRequest request, (string Name, string Value)[] headers, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var line in LinesAsync("api/chat", ChatJson.Chat(request), null, cancellationToken, headers))
        {
            var update = AnswerJson.Update(line);
            yield return update;
            if (update.Result is not null)
                yield break;
        }
        throw Broken(null);
    }

    /// <summary>The lines of a streamed answer. An error among them is thrown.</summary>
    public async IAsyncEnumerable<JsonElement> LinesAsync(string path, byte[] request, string? node, [EnumeratorCancellation] CancellationToken cancellationToken, params (string Name, string Value)[] headers)
    {
        using var message = Request(HttpMethod.Post, path, JsonBody(request), node);
        foreach (var (name, value) in headers)
            message.Headers.Add(name, value);
        using var response = await SendAsync(message, path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var lines = NdjsonReader.ReadAsync(body, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(lines))
        {
            if (lines.Current.Text("error") is { Length: > 0 } error)
                throw new CliException(error);
            yield return lines.Current;
        }
    }

    /// <summary>Sends a request whose answer has no body, or none that matters.</summary>
    public async Task SendAsync(HttpMethod method, string path, HttpContent? content, string? node, CancellationToken cancellationToken)
    {
        using var request = Request(method, path, content, node);
        using var response = await SendAsync(request, path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>Whether something is there.</summary>
    public async Task<bool> HasAsync(string path, string? node, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Head, path, null, node);
        try
        {
            using var response = await SendAsync(request, path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return true;
        }
        catch (CliException e) when (e is not GatewayUnreachableException)
        {
            return false;
        }
    }

    /// <summary>A body of JSON.</summary>
    public static ByteArrayContent JsonBody(byte[] json) => new(json) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    /// <summary>What is thrown when a stream ends too early.</summary>
    public GatewayUnreachableException BrokenOff() => Broken(null);

    private static HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content, string? node)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (node is not null)
            request.Headers.TryAddWithoutValidation("X-Chasqui-Node", node);
        return request;
    }

    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken)
    {
        using var answer = await CallAsync(HttpMethod.Get, "api/tags", null, cancellationToken);
        return [.. answer.RootElement.Items("models").Select(AnswerJson.Summary)];
    }

    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken)
    {
        using var answer = await CallAsync(HttpMethod.Get, "api/ps", null, cancellationToken);
        return [.. answer.RootElement.Items("models").Select(AnswerJson.Resident)];
    }

    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken)
    {
        using var answer = await CallAsync(HttpMethod.Post, "api/show", ChatJson.Show(model), cancellationToken);
        var name = ModelNames.WithTag(model);
        var listed = (await ListAsync(cancellationToken)).FirstOrDefault(m => ModelNames.Same(m.Name, name))
            ?? new ModelSummary { Name = name, Digest = "", Details = new ModelDetails() };
        return AnswerJson.Description(answer.RootElement, listed);
    }

    public async Task<TimeSpan> LoadAsync(LoadRequest request, CancellationToken cancellationToken)
    {
        using var answer = await CallAsync(
            HttpMethod.Post, "api/generate", ChatJson.Load(request.Model, request.Options, request.KeepAlive), cancellationToken);
        return answer.RootElement.Nanoseconds("load_duration");
    }

    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken)
    {
        // The API answers alike whether the model was in memory or not.
        var resident = (await ListResidentAsync(cancellationToken)).Any(r => ModelNames.Same(r.Summary.Name, model));
        using var answer = await CallAsync(
            HttpMethod.Post, "api/generate", ChatJson.Load(model, GenerationOptions.Default, TimeSpan.Zero), cancellationToken);
        return resident;
    }

    public async Task<IReadOnlyList<GatewayNode>> NodesAsync(CancellationToken cancellationToken)
    {
        using var answer = await CallAsync(HttpMethod.Get, GatewayNode.Path, null, cancellationToken);
        return GatewayNode.ReadAll(answer.RootElement);
    }

    public IModelManager Manage(string? node) => new HttpModelManager(this, node);

    public async Task<byte[]> AskAsync(string method, string path, byte[]? body, CancellationToken cancellationToken)
    {
        using var request = Request(new HttpMethod(method), path, body is null ? null : JsonBody(body), null);
        using var response = await SendAsync(request, path, HttpCompletionOption.ResponseContentRead, cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    public async IAsyncEnumerable<byte[]> FollowAsync(string session, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var path = FormattableString.Invariant($"api/sessions/{Uri.EscapeDataString(session)}/events?after={after}");
        using var request = Request(HttpMethod.Get, path, null, null);
        using var response = await SendAsync(request, path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await using var events = SseParser.Create(body, static (_, data) => data.ToArray()).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await events.MoveNextAsync())
                    yield break;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                throw Broken(e);
            }
            yield return events.Current.Data;
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<JsonDocument> CallAsync(HttpMethod method, string path, byte[]? body, CancellationToken cancellationToken)
    {
        using var request = Request(method, path, body is null ? null : JsonBody(body), null);
        using var response = await SendAsync(request, path, HttpCompletionOption.ResponseContentRead, cancellationToken);
        try
        {
            var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            if (answer.RootElement.ValueKind == JsonValueKind.Object)
                return answer;
            answer.Dispose();
        }
        catch (JsonException)
        {
            // Told below.
        }
        throw new CliException($"{Place} answered /{path} with no JSON object; is it a Chasqui or an Ollama?");
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, string path, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, completion, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            // The time to connect is over.
            throw Unreachable(e);
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw new CliException(await ErrorTextAsync(response, path, cancellationToken));
    }

    private async Task<string> ErrorTextAsync(HttpResponseMessage response, string path, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            if (answer.RootElement.Text("error") is { Length: > 0 } error)
                return error;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException)
        {
            // The status says enough.
        }
        return $"{Place} answered /{path} with {(int)response.StatusCode} {response.ReasonPhrase}; is it a Chasqui or an Ollama?";
    }

    private async Task<bool> NextAsync(IAsyncEnumerator<JsonElement> lines)
    {
        try
        {
            return await lines.MoveNextAsync();
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Broken(e);
        }
        catch (InvalidDataException e)
        {
            throw new CliException($"{Place} sent a stream that is no NDJSON: {e.Message}", inner: e);
        }
    }

    private GatewayUnreachableException Unreachable(Exception e) => new(
        e is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError }
            ? $"the host name of {Place} cannot be resolved"
            : $"no gateway answers at {Place}; start one with 'chasqui serve', or name another with --server", e);

    private GatewayUnreachableException Broken(Exception? e) => new($"the connection to {Place} broke before the answer ended", e);
}
