using System.Buffers;
using Chasqui.Engines.Tools;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/responses</c>: answers a conversation, in OpenAI's newer form, and keeps it with its answer unless it shall not.</summary>
internal static class ResponsesEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new ResponseFields { CanKeep = api.Archive is { IsOpen: true } };
        var response = new ResponseObject(fields, api.Time);
        ChatRequest request;
        ReadOnlyMemory<byte> input = default;
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
        {
            fields.Read(body.Root);
            var conversation = await ResponseConversation.ReadAsync(fields.Input, fields.PreviousResponse, api.Archive, http.RequestAborted).ConfigureAwait(false);
            request = fields.ToRequest(conversation.Input);
            if (fields.Keeps && request.Messages.Count > 0)
                input = conversation.ToKeep(response);
        }
        fields.Note(http);
        var updates = request.Messages.Count > 0 ? SingleCall.Of(RelaxedChat.ChatAsync(api.EngineOf(http), request, thinking: false, http.RequestAborted), request.ToolChoice) : LoadAsync(api, http, request.Model);
        await (fields.Stream ? StreamAsync(api, http, response, updates, input) : SendWholeAsync(api, http, response, updates, input)).ConfigureAwait(false);
    }

    private static async Task SendWholeAsync(
        ApiContext api, HttpContext http, ResponseObject response, IAsyncEnumerable<GenerationUpdate> updates, ReadOnlyMemory<byte> input)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        GenerationAnswer.CountWhole(http, answer.Result!);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, await EndAsync(api, http, response, ItemsOf(response, answer), answer.Result!, input).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private static async Task StreamAsync(
        ApiContext api, HttpContext http, ResponseObject response, IAsyncEnumerable<GenerationUpdate> updates, ReadOnlyMemory<byte> input)
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
            // The client may refer to it as soon as it has heard the end.
            if (result is not null)
                stream.End(result, (await EndAsync(api, http, response, stream.Items, result, input).ConfigureAwait(false)).WrittenSpan);
            if (!events.IsEmpty)
                await events.SendAsync().ConfigureAwait(false);
        }
        GenerationAnswer.Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }

    /// <summary>The whole response, which is kept by then where it shall be and can be.</summary>
    private static async Task<ArrayBufferWriter<byte>> EndAsync(
        ApiContext api, HttpContext http, ResponseObject response, IReadOnlyList<ResponseItem> items, GenerationResult result, ReadOnlyMemory<byte> input)
    {
        var whole = Written();
        if (input.IsEmpty || (api.Archive is { } archive
            && await archive.TryKeepAsync(response.Id, StoredResponse.Join(whole.WrittenSpan, input.Span), http.RequestAborted).ConfigureAwait(false)))
            return whole;
        response.IsKept = false;
        return Written();

        ArrayBufferWriter<byte> Written()
        {
            var buffer = new ArrayBufferWriter<byte>(2048);
            var json = new JsonText(buffer);
            response.WriteEnded(ref json, items, result);
            return buffer;
        }
    }

    private static List<ResponseItem> ItemsOf(ResponseObject response, GatheredAnswer answer)
    {
        var items = new List<ResponseItem>();
        if (answer.Thinking.Length > 0)
            items.Add(new ReasoningItem(response.NewItemId("rs_"), answer.Thinking));
        if (answer.Text.Length > 0 || answer.ToolCalls is null)
            items.Add(new MessageItem(response.NewItemId("msg_"), answer.Text, answer.TextLogprobs ?? []));
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
