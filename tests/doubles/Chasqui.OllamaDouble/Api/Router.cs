using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary>Brings each request to what answers it.</summary>
internal sealed class Router(NodeParts node)
{
    private const long LargestBody = 64 << 20;
    private static readonly JsonSerializerOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Paths that compute: faults apply to them unless they name others.</summary>
    private static readonly Dictionary<string, TextApi?> _computing = new(StringComparer.Ordinal)
    {
        ["/api/generate"] = TextApi.Generate,
        ["/api/chat"] = TextApi.Chat,
        ["/v1/chat/completions"] = TextApi.OpenAiChat,
        ["/v1/completions"] = TextApi.OpenAiCompletions,
        ["/v1/responses"] = TextApi.Responses,
        ["/v1/messages"] = TextApi.Messages,
        ["/api/embed"] = null,
        ["/api/embeddings"] = null,
        ["/v1/embeddings"] = null,
    };

    public async Task AnswerAsync(HttpContext context)
    {
        var counters = node.Counters;
        var path = context.Request.Path.Value ?? "/";
        counters.Add(ref counters.Requests);
        counters.Enter(ref counters.InFlight, ref counters.MaxInFlight);
        try
        {
            await RouteAsync(context, path).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            if (_computing.ContainsKey(path))
                counters.Add(ref counters.Cancelled);
        }
        catch (QueueFullException problem)
        {
            await FailAsync(context, path, 503, problem.Message).ConfigureAwait(false);
        }
        catch (ApiException problem)
        {
            await FailAsync(context, path, problem.Status, problem.Message).ConfigureAwait(false);
        }
        catch (InvalidOperationException problem) when (!context.Response.HasStarted)
        {
            // A value of a type that Ollama would not take either, in a place where its text for it is not copied.
            await FailAsync(context, path, 400, "json: cannot unmarshal: " + problem.Message).ConfigureAwait(false);
        }
        finally
        {
            counters.Add(ref counters.InFlight, -1);
        }
    }

    private async Task RouteAsync(HttpContext context, string path)
    {
        var request = context.Request;
        node.Log.Count(request.Method + " " + Known(path));
        if (path.StartsWith("/api/blobs/", StringComparison.Ordinal))
        {
            node.Log.Add(request, [], node.Script.RecordedRequests);
            await BlobAsync(context, path["/api/blobs/".Length..]).ConfigureAwait(false);
            return;
        }
        var body = await ReadAsync(request, context.RequestAborted).ConfigureAwait(false);
        node.Log.Add(request, body, node.Script.RecordedRequests);
        var fault = await FaultAsync(context, path, body).ConfigureAwait(false);
        if (fault is { Kind: FaultKind.Drop })
        {
            context.Abort();
            return;
        }
        if (fault is { Kind: FaultKind.BodyBehind })
        {
            NodeConnection.Of(context).Say("{\"model\":\"mini\"}");
            context.Response.StatusCode = 204;
            return;
        }
        if (Allowed(path) is not { } allowed || (node.Script.IsLlamaCpp ? path.StartsWith("/api/", StringComparison.Ordinal) : path == "/props"))
            await TextAsync(context, 404, "404 page not found").ConfigureAwait(false);
        else if (!allowed.Split(", ").Contains(request.Method))
        {
            context.Response.Headers.Allow = allowed;
            await TextAsync(context, 405, "405 method not allowed").ConfigureAwait(false);
        }
        else if (_computing.TryGetValue(path, out var api))
            await ComputeAsync(context, path, api, JsonBody.Parse(body), fault).ConfigureAwait(false);
        else
            await ManageAsync(context, path, body).ConfigureAwait(false);
    }

    private async Task ComputeAsync(HttpContext context, string path, TextApi? api, JsonElement json, Fault? fault)
    {
        if (api is { } text)
        {
            var generation = node.Reader.Read(text, json, context.Request.Headers.TryGetValue("X-Prompt-Blocks", out var blocks) ? blocks.ToString() : null);
            AnswerFormat format = text switch
            {
                TextApi.Generate => new OllamaFormat(generation, node.Time, chat: false),
                TextApi.Chat => new OllamaFormat(generation, node.Time, chat: true),
                TextApi.OpenAiChat => new OpenAiFormat(generation, node.Time, chat: true),
                TextApi.OpenAiCompletions => new OpenAiFormat(generation, node.Time, chat: false),
                TextApi.Responses => new ResponsesFormat(generation, node.Time),
                _ => new MessagesFormat(generation, node.Time),
            };
            await node.Engine.GenerateAsync(context, generation, format, fault).ConfigureAwait(false);
            return;
        }
        var answer = path switch
        {
            "/api/embed" => await node.Embeddings.EmbedAsync(context, json, fault).ConfigureAwait(false),
            "/api/embeddings" => await node.Embeddings.EmbeddingsAsync(context, json, fault).ConfigureAwait(false),
            _ => await node.Embeddings.OpenAiAsync(context, json, fault).ConfigureAwait(false),
        };
        await JsonAsync(context, 200, answer, path).ConfigureAwait(false);
        node.Counters.Add(ref node.Counters.Completions);
    }

    private async Task ManageAsync(HttpContext context, string path, byte[] body)
    {
        var manage = node.Management;
        switch (path)
        {
            case "/":
                await TextAsync(context, 200, "Ollama is running", "text/plain; charset=utf-8").ConfigureAwait(false);
                return;
            case "/api/copy":
                manage.Copy(JsonBody.Parse(body));
                return;
            case "/api/delete":
                manage.Delete(JsonBody.Parse(body));
                return;
            case "/api/pull" or "/api/push" or "/api/create":
                var json = JsonBody.Parse(body);
                var steps = path switch { "/api/pull" => manage.PullAsync(json, context.RequestAborted), "/api/push" => manage.PushAsync(json, context.RequestAborted), _ => manage.CreateAsync(json) };
                await ProgressAsync(context, steps, json.Flag("stream", "Request") ?? true).ConfigureAwait(false);
                return;
        }
        JsonNode answer = path switch
        {
            "/api/version" => new JsonObject { ["version"] = node.Script.Version },
            "/api/status" => new JsonObject { ["cloud"] = new JsonObject { ["disabled"] = true, ["source"] = "env" } },
            "/api/tags" => manage.Tags(),
            "/api/ps" => manage.Ps(),
            "/api/show" => manage.Show(JsonBody.Parse(body)),
            "/v1/models" => manage.OpenAiModels(),
            "/props" => manage.Props(),
            _ => manage.OpenAiModel(path["/v1/models/".Length..]),
        };
        await JsonAsync(context, 200, answer, path).ConfigureAwait(false);
    }

    // What goes wrong before the first line is an answer of its own; after it, a line.
    private static async Task ProgressAsync(HttpContext context, IAsyncEnumerable<JsonObject> steps, bool stream)
    {
        try
        {
            JsonObject? last = null;
            await foreach (var step in steps.ConfigureAwait(false))
            {
                last = step;
                if (stream)
                    await LineAsync(context, step).ConfigureAwait(false);
            }
            if (!stream)
                await JsonAsync(context, 200, last!, "/v1/").ConfigureAwait(false);
        }
        catch (ApiException problem) when (context.Response.HasStarted)
        {
            await LineAsync(context, new JsonObject { ["error"] = problem.Message }).ConfigureAwait(false);
        }
    }

    private static async Task LineAsync(HttpContext context, JsonObject line)
    {
        if (!context.Response.HasStarted)
            context.Response.ContentType = "application/x-ndjson";
        await context.Response.BodyWriter.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(line, _json), (byte)'\n'], context.RequestAborted).ConfigureAwait(false);
    }

    private async Task BlobAsync(HttpContext context, string digest)
    {
        if (context.Request.Method == "HEAD")
            context.Response.StatusCode = node.Management.HasBlob(digest) ? 200 : 404;
        else if (context.Request.Method == "POST")
            context.Response.StatusCode = await node.Management.PutBlobAsync(digest, context.Request, context.RequestAborted).ConfigureAwait(false) ? 201 : 200;
        else
            await TextAsync(context, 405, "405 method not allowed").ConfigureAwait(false);
    }

    /// <summary>Applies the faults that come before an answer; those that come within one are returned.</summary>
    private async Task<Fault?> FaultAsync(HttpContext context, string path, byte[] body)
    {
        var faults = node.Faults;
        if (faults.None)
            return null;
        string? model = null;
        try
        {
            var json = body.Length > 0 ? JsonBody.Parse(body) : default;
            if (ModelName.TryParse((json.Get("model") ?? json.Get("name"))?.ToString(), out var canonical))
                model = canonical;
        }
        catch (ApiException)
        {
            // A body that cannot be read names no model; its error comes where it is read in earnest.
        }
        if (faults.Find(path, _computing.ContainsKey(path), model) is not { } fault)
            return null;
        node.Counters.Add(ref node.Counters.Faults);
        if (fault.Kind == FaultKind.Hang)
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(false);
        if (fault.Kind == FaultKind.SlowFirstByte)
            await Pace.WaitAsync(fault.DelayMilliseconds, node.Time, context.RequestAborted).ConfigureAwait(false);
        if (fault.Kind == FaultKind.DoubledError)
            NodeConnection.Of(context).Say($"HTTP/1.1 {fault.Status} Again\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{{\"error\":\"again\"}}");
        if (fault.Kind is FaultKind.Status or FaultKind.DoubledError && fault.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = wait;
        if (fault.Kind is FaultKind.Status or FaultKind.DoubledError)
            throw new ApiException(fault.Status, fault.Message ?? (fault.Status == 503 ? QueueFullException.Text : "internal error"));
        return fault;
    }

    private async Task FailAsync(HttpContext context, string path, int status, string message)
    {
        node.Counters.Add(ref node.Counters.Errors);
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }
        await JsonAsync(context, status, Error(path, status, message), path, IsOfReading(status, message)).ConfigureAwait(false);
    }

    /// <summary>Recorded: what /v1 refuses while it translates a request is gin's own JSON; what the endpoint behind it refuses has no charset, and a line's end.</summary>
    private static bool IsOfReading(int status, string message) =>
        status == 400 && !message.Contains("does not support", StringComparison.Ordinal) && !message.StartsWith("input exceeds", StringComparison.Ordinal);

    /// <summary>Recorded in <c>queue_full_shapes</c> and in the cases of each API.</summary>
    private static JsonObject Error(string path, int status, string message)
    {
        var type = status switch { 400 => "invalid_request_error", 404 => "not_found_error", 503 when path == "/v1/messages" => "overloaded_error", _ => "api_error" };
        if (path == "/v1/messages")
            return new JsonObject { ["type"] = "error", ["error"] = new JsonObject { ["type"] = type, ["message"] = message }, ["request_id"] = MessagesFormat.Id("req_") };
        return path.StartsWith("/v1/", StringComparison.Ordinal)
            ? new JsonObject { ["error"] = new JsonObject { ["message"] = message, ["type"] = type, ["param"] = null, ["code"] = null } }
            : new JsonObject { ["error"] = message };
    }

    private static async Task JsonAsync(HttpContext context, int status, JsonNode answer, string path, bool plain = false)
    {
        var openAi = !plain && path.StartsWith("/v1/", StringComparison.Ordinal);
        var bytes = JsonSerializer.SerializeToUtf8Bytes(answer, _json);
        if (openAi)
            bytes = [.. bytes, (byte)'\n'];
        context.Response.StatusCode = status;
        context.Response.ContentType = openAi ? "application/json" : "application/json; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        if (context.Request.Method != "HEAD")
            await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted).ConfigureAwait(false);
    }

    private static async Task TextAsync(HttpContext context, int status, string text, string type = "text/plain")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = text.Length;
        if (context.Request.Method != "HEAD")
            await context.Response.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
    }

    private static string? Allowed(string path) => path switch
    {
        "/" or "/api/version" or "/api/tags" => "HEAD, GET",
        "/api/ps" or "/api/status" or "/v1/models" or "/props" => "GET",
        "/api/delete" => "DELETE",
        "/api/show" or "/api/copy" or "/api/pull" or "/api/push" or "/api/create" => "POST",
        _ when _computing.ContainsKey(path) => "POST",
        _ when path.StartsWith("/v1/models/", StringComparison.Ordinal) => "GET",
        _ => null,
    };

    private static string Known(string path) => path.StartsWith("/api/blobs/", StringComparison.Ordinal) ? "/api/blobs/:digest"
        : path.StartsWith("/v1/models/", StringComparison.Ordinal) ? "/v1/models/:model" : path;

    internal static async ValueTask<byte[]> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength is null or 0 && request.Headers.TransferEncoding.Count == 0)
            return [];
        var reader = request.BodyReader;
        for (; ; )
        {
            var read = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }
            if (read.Buffer.Length > LargestBody)
                throw new ApiException(413, "the double takes bodies up to 64 MiB");
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
