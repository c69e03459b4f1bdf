using System.Buffers;
using System.Globalization;
using Chasqui.Engines.Tools;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/messages</c>: answers a conversation, whole or as events.</summary>
internal static class MessagesEndpoint
{
    private static readonly byte[] _ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"u8.ToArray();

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = await ReadAsync(api, http).ConfigureAwait(false);
        fields.CheckForAnswer();
        var request = fields.ToRequest();
        var updates = SingleCall.Of(RelaxedChat.ChatAsync(api.EngineOf(http), request, thinking: true, http.RequestAborted), request.ToolChoice);
        await (fields.Stream ? StreamAsync(api, http, fields, request, updates) : SendWholeAsync(http, fields, updates)).ConfigureAwait(false);
    }

    /// <summary>Reads a request to one of the two paths.</summary>
    public static async Task<MessagesFields> ReadAsync(ApiContext api, HttpContext http)
    {
        var fields = new MessagesFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        fields.PassedOver.Tell(http);
        RequestState.Of(http).Model = fields.Model;
        return fields;
    }

    private static async Task SendWholeAsync(HttpContext http, MessagesFields fields, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        var result = answer.Result ?? throw GatheredAnswer.EndedEarly();
        GenerationAnswer.Count(http, result);
        if (result.TruncatedTokens > 0)
            http.Response.Headers[GenerationAnswer.TruncatedHeader] = result.TruncatedTokens.ToString(CultureInfo.InvariantCulture);
        var buffer = new ArrayBufferWriter<byte>(1024);
        MessageJson.WriteWhole(buffer, fields.Model, answer, result);
        await AnthropicAnswer.SendAsync(http, StatusCodes.Status200OK, AnthropicAnswer.ContentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static async Task StreamAsync(
        ApiContext api, HttpContext http, MessagesFields fields, ChatRequest request, IAsyncEnumerable<GenerationUpdate> updates)
    {
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers[AnthropicId.Header] = AnthropicId.OfRequest(http);
        GenerationResult? result = null;
        var events = Sse.Open(api, http, _ping);
        await using (events.ConfigureAwait(false))
        {
            using var stream = new MessageStream(events, fields.Model, TokenEstimate.Of(request));
            await foreach (var update in updates.WithCancellation(http.RequestAborted).ConfigureAwait(false))
            {
                result = update.Result;
                await stream.SendAsync(update).ConfigureAwait(false);
            }
        }
        GenerationAnswer.Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }
}
