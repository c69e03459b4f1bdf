using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>How a call ended, as its client sees it.</summary>
internal enum CallEnd
{
    /// <summary>With a whole answer.</summary>
    Whole,

    /// <summary>With an error in the form of the API, before anything of an answer.</summary>
    Refused,

    /// <summary>With an error in the form of the API, after a part of an answer.</summary>
    Broken,

    /// <summary>In any other way.</summary>
    Wrong,
}

/// <summary>A request of one of the APIs that compute, and what its answers must be like.</summary>
internal sealed record ApiCall(string Path, bool Stream, string Body)
{
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello, who are you?\"}]";

    /// <summary>Each API that generates, streamed and not.</summary>
    public static IReadOnlyList<ApiCall> Generating { get; } =
    [
        .. new[] { true, false }.SelectMany(stream => new ApiCall[]
        {
            Of("/api/generate", "\"prompt\":\"Hello, who are you?\"", stream),
            Of("/api/chat", Messages, stream),
            Of("/v1/chat/completions", Messages, stream),
            Of("/v1/completions", "\"prompt\":\"Hello, who are you?\"", stream),
            Of("/v1/responses", "\"store\":false,\"input\":\"Hello, who are you?\"", stream),
            Of("/v1/messages", "\"max_tokens\":16," + Messages, stream),
        }),
    ];

    /// <summary>Those that do not generate.</summary>
    public static IReadOnlyList<ApiCall> Others { get; } =
    [
        new("/api/embed", false, """{"model":"mini","input":["a cat","a dog"]}"""),
        new("/api/embeddings", false, """{"model":"mini","prompt":"a cat"}"""),
        new("/v1/embeddings", false, """{"model":"mini","input":"a cat"}"""),
        new("/v1/messages/count_tokens", false, $$"""{"model":"mini",{{Messages}}}"""),
    ];

    public static ApiCall Of(string path, bool stream) => Generating.Single(call => call.Path == path && call.Stream == stream);

    private static ApiCall Of(string path, string fields, bool stream) => new(path, stream, $$"""{"model":"mini",{{fields}},"stream":{{(stream ? "true" : "false")}}}""");

    public async Task<CallResult> SendAsync(HttpClient http, CancellationToken cancellation, string? node = null)
    {
        using var request = Fleet.Post(Path, Body);
        request.Headers.Add("X-Chasqui-Explain", "1");
        if (node is not null)
            request.Headers.Add("X-Chasqui-Node", node);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        string? body = null;
        string? cut = null;
        try
        {
            body = await response.Content.ReadAsStringAsync(cancellation);
        }
        catch (HttpRequestException e)
        {
            cut = e.Message;
        }
        var by = response.Headers.TryGetValues("X-Chasqui-Node", out var names) ? names.Single() : "";
        var moved = response.Headers.TryGetValues("X-Chasqui-Route", out var route) && !route.Single().EndsWith("attempt=1", StringComparison.Ordinal);
        return new CallResult(this, cut is null ? End((int)response.StatusCode, body!) : CallEnd.Wrong, (int)response.StatusCode, cut ?? body!, by, moved);
    }

    public CallEnd End(int status, string body)
    {
        try
        {
            if (status >= 400)
                return IsError(body.TrimEnd('\n')) ? CallEnd.Refused : CallEnd.Wrong;
            if (!Stream)
                return IsError(body.TrimEnd('\n')) ? CallEnd.Wrong : JsonNode.Parse(body) is JsonObject ? CallEnd.Whole : CallEnd.Wrong;
            return Path.StartsWith("/api/", StringComparison.Ordinal) ? EndOfLines(body) : EndOfEvents(body);
        }
        catch (JsonException)
        {
            return CallEnd.Wrong;
        }
    }

    private CallEnd EndOfLines(string body)
    {
        if (!body.EndsWith('\n'))
            return CallEnd.Wrong;
        var last = body[..^1].Split('\n')[^1];
        if (IsError(last))
            return CallEnd.Broken;
        return (bool?)JsonNode.Parse(last)!["done"] == true ? CallEnd.Whole : CallEnd.Wrong;
    }

    private CallEnd EndOfEvents(string body)
    {
        if (!body.EndsWith("\n\n", StringComparison.Ordinal))
            return CallEnd.Wrong;
        var last = body.TrimEnd('\n').Split("\n\n")[^1].TrimStart('\n');
        if (last == "data: [DONE]" || last.StartsWith("event: message_stop\n", StringComparison.Ordinal) || last.StartsWith("event: response.completed\n", StringComparison.Ordinal))
            return CallEnd.Whole;
        var isNamed = last.StartsWith("event: error\ndata: ", StringComparison.Ordinal) || last.StartsWith("event: response.failed\ndata: ", StringComparison.Ordinal);
        var data = last[(last.IndexOf("data: ", StringComparison.Ordinal) + 6)..];
        return (isNamed || last.StartsWith("data: ", StringComparison.Ordinal)) && IsError(data) ? CallEnd.Broken : CallEnd.Wrong;
    }

    private bool IsError(string text)
    {
        var json = JsonNode.Parse(text)!.AsObject();
        if (Path.StartsWith("/api/", StringComparison.Ordinal))
            return json["error"] is JsonValue;
        if (Path.StartsWith("/v1/messages", StringComparison.Ordinal))
            return (string?)json["type"] == "error" && json["error"]?["message"] is JsonValue;
        return json["error"]?["message"] is JsonValue || json["response"]?["error"]?["message"] is JsonValue || ((string?)json["type"] == "error" && json["message"] is JsonValue);
    }

    public override string ToString() => $"{Path}{(Stream ? " streamed" : "")}";
}

/// <summary>How a call ended.</summary>
/// <param name="Call">The call.</param>
/// <param name="End">How it ended.</param>
/// <param name="Status">The status.</param>
/// <param name="Body">All that came.</param>
/// <param name="Node">The node that answered, where the gateway says so.</param>
/// <param name="Moved">Whether it was not the first that was asked.</param>
internal sealed record CallResult(ApiCall Call, CallEnd End, int Status, string Body, string Node, bool Moved)
{
    public override string ToString() => $"{Call}: {End}, {Status} by {Node}: {Body[..Math.Min(Body.Length, 300)]} ... {Body[Math.Max(0, Body.Length - 400)..]}";
}
