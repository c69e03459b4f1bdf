using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/chat</c>: answers a conversation; without messages, loads or unloads the model.</summary>
internal static class ChatEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new ChatFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new InvalidRequestException("model is required");

        var form = new ChatForm(fields.Model, api.Time);
        if (!fields.HasMessages)
        {
            await GenerationAnswer.ChangeResidencyAsync(api, http, fields, form).ConfigureAwait(false);
            return;
        }
        var request = fields.ToRequest();
        var updates = api.EngineOf(http).ChatAsync(request, http.RequestAborted);
        await (fields.Stream && !request.RenderOnly
            ? GenerationAnswer.StreamAsync(http, form, updates)
            : GenerationAnswer.SendWholeAsync(http, form, request.Messages.Sum(m => m.Images.Count), updates)).ConfigureAwait(false);
    }
}
