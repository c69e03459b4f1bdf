using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/responses</c>: answers a conversation, in OpenAI's newer form; nothing is stored.</summary>
internal static class ResponsesEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new ResponseFields();
        ChatRequest request;
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
        {
            fields.Read(body.Root);
            request = fields.ToRequest();
        }
        fields.Note(http);
        var response = new ResponseObject(fields, api.Time);
        var updates = request.Messages.Count > 0 ? api.EngineOf(http).ChatAsync(request, http.RequestAborted) : LoadAsync(api, http, request.Model);
        await (fields.Stream ? StreamAsync(api, http, response, updates) : SendWholeAsync(http, response, updates)).ConfigureAwait(false);
    }

    private static async Task SendWholeAsync(HttpContext http, ResponseObject response, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        GenerationAnswer.CountWhole(http, answer.Result!);
        var buffer = new ArrayBufferWriter<byte>(2048);
        var json = new JsonText(buffer);
        response.WriteEnded(ref json, ItemsOf(response, answer), answer.Result!);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static async Task StreamAsync(ApiContext api, HttpContext http, ResponseObject response, IAsyncEnumerable<GenerationUpdate> updates)
    {
        GenerationResult? result = null;
        await using var events = Sse.Open(api, http);
        var stream = new ResponseStream(response, events);
        // An error in the stream is told as the end of this response.
        http.Features.Set(stream);
        await foreach (var update in updates.WithCancellation(http.RequestAborted).ConfigureAwait(false))
        {
            result = update.Result;
            stream.Add(update);
            if (!events.IsEmpty)
                await events.SendAsync().ConfigureAwait(false);
        }
        GenerationAnswer.Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }

    private static List<ResponseItem> ItemsOf(ResponseObject response, GatheredAnswer answer)
    {
        var items = new List<ResponseItem>();
        if (answer.Thinking.Length > 0)
            items.Add(new ReasoningItem(response.NewItemId("rs_"), answer.Thinking));
        if (answer.Text.Length > 0 || answer.ToolCalls is null)
            items.Add(new MessageItem(response.NewItemId("msg_"), answer.Text));
        items.AddRange(FunctionCall.FromOllama(answer.ToolCalls).Select(call => response.Tools.ItemOf(response, call)));
        return items;
    }

    /// <summary>What a request without input does, told as an answer that says nothing.</summary>
    private static async IAsyncEnumerable<GenerationUpdate> LoadAsync(ApiContext api, HttpContext http, string model)
    {
        await ModelLoad.RunAsync(api, http, new LoadRequest { Model = model }, "chat").ConfigureAwait(false);
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop } };
    }
}
