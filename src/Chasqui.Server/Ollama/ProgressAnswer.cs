using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Answers with the progress of work on models: a line for each step, or its end alone.</summary>
internal static class ProgressAnswer
{
    // Unlike elsewhere, Ollama names no charset here.
    private const string ContentType = "application/json";

    public static async Task SendAsync(HttpContext http, IAsyncEnumerable<ModelProgress> progress, bool stream)
    {
        var lines = new Ndjson(http);
        ModelProgress? last = null;
        try
        {
            await foreach (var step in progress.WithCancellation(http.RequestAborted).ConfigureAwait(false))
            {
                last = step;
                if (!stream)
                    continue;
                lines.Begin();
                Write(lines.Line(), step);
                await lines.SendAsync().ConfigureAwait(false);
            }
        }
        // A wrong name is found before the work begins, and told as everywhere.
        catch (EngineException e) when (!http.Response.HasStarted && e is not InvalidModelNameException)
        {
            var error = ErrorMap.Map(e, RequestState.Of(http).NotFound);
            await SendAsync(http, error.Status, json => JsonResponse.WriteError(ref json, error.Message)).ConfigureAwait(false);
            return;
        }
        if (!stream)
            await SendAsync(http, StatusCodes.Status200OK, json => Write(json, last ?? throw new EngineFailedException("the work ended without a word"))).ConfigureAwait(false);
    }

    private static void Write(JsonText json, ModelProgress step)
    {
        json.BeginObject();
        json.Name("status"u8);
        json.Value(step.Status);
        if (step.Digest is { } digest)
        {
            json.Name("digest"u8);
            json.Value(digest);
        }
        if (step.Total is > 0 and var total)
        {
            json.Name("total"u8);
            json.Value(total);
        }
        if (step.Completed is > 0 and var completed)
        {
            json.Name("completed"u8);
            json.Value(completed);
        }
        if (step.Node is { } node)
        {
            json.Name("node"u8);
            json.Value(node);
        }
        json.EndObject();
    }

    private static async Task SendAsync(HttpContext http, int status, WriteJson write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        write(new JsonText(buffer));
        http.Response.StatusCode = status;
        http.Response.ContentType = ContentType;
        http.Response.ContentLength = buffer.WrittenCount;
        await http.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
    }

    private delegate void WriteJson(JsonText json);
}
