using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// <c>POST /infer</c>: one JSON request, one JSON answer, for a caller who wants the least. Takes the fields of
/// <c>/api/generate</c>, of which <c>model</c> and <c>prompt</c> are enough.
/// </summary>
internal static class InferEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new GenerateFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new InvalidRequestException("\"model\" is required: send {\"model\": \"…\", \"prompt\": \"…\"}");
        if (!fields.HasPrompt)
            throw new InvalidRequestException("\"prompt\" is required: send {\"model\": \"…\", \"prompt\": \"…\"}");

        var request = fields.ToRequest();
        if (request.RenderOnly)
            throw new InvalidRequestException("\"_debug_render_only\" is for /api/generate and /api/chat");
        var answer = await GatheredAnswer.FromAsync(api.EngineOf(http).GenerateAsync(request, http.RequestAborted), http.RequestAborted).ConfigureAwait(false);
        GenerationAnswer.Count(http, answer.Result);

        var buffer = new ArrayBufferWriter<byte>(512);
        Write(buffer, fields.Model, answer.Text, answer.Result);
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static void Write(IBufferWriter<byte> output, string model, string text, GenerationResult result)
    {
        var json = new JsonText(output);
        json.BeginObject();
        json.Name("model"u8);
        json.Value(model);
        json.Name("text"u8);
        json.Value(text);
        json.Name("finish_reason"u8);
        json.Value(result.Reason == FinishReason.Length ? "length" : "stop");
        json.Name("prompt_tokens"u8);
        json.Value((long)result.PromptTokens);
        json.Name("completion_tokens"u8);
        json.Value((long)result.CompletionTokens);
        json.Name("duration_ms"u8);
        json.Value(Math.Round(result.TotalDuration.TotalMilliseconds, 3));
        json.EndObject();
    }
}
