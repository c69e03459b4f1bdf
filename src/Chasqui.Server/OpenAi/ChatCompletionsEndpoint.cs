using System.Buffers;
using Chasqui.Engines.Tools;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/chat/completions</c>: answers a conversation.</summary>
internal static class ChatCompletionsEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new ChatCompletionFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        fields.Note(http);
        var request = fields.ToRequest();
        var form = new ChatCompletionForm(fields.Model, api.Time, RequestState.Of(http).Start);
        var updates = SingleCall.Of(RelaxedChat.ChatAsync(api.EngineOf(http), request, thinking: false, http.RequestAborted), request.ToolChoice);
        await (fields.Stream && !request.RenderOnly
            ? StreamAsync(api, http, form, fields.IncludeUsage, updates)
            : SendWholeAsync(http, form, request.Messages.Sum(message => message.Images.Count), updates)).ConfigureAwait(false);
    }

    private static async Task SendWholeAsync(HttpContext http, ChatCompletionForm form, int images, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        if (answer.Result is { } result)
            GenerationAnswer.CountWhole(http, result);
        var buffer = new ArrayBufferWriter<byte>(1024);
        var json = new JsonText(buffer);
        form.WriteWhole(ref json, answer, images);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static async Task StreamAsync(
        ApiContext api, HttpContext http, ChatCompletionForm form, bool usage, IAsyncEnumerable<GenerationUpdate> updates)
    {
        GenerationResult? result = null;
        await using var events = Sse.Open(api, http);
        await foreach (var update in updates.WithCancellation(http.RequestAborted).ConfigureAwait(false))
        {
            result = update.Result;
            form.WritePiece(events, update);
            if (result is not null)
                form.WriteEnd(events, result, usage);
            if (!events.IsEmpty)
                await events.SendAsync().ConfigureAwait(false);
        }
        GenerationAnswer.Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }
}
