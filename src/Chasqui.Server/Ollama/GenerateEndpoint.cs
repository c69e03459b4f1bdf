using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/generate</c>: continues a prompt; without one, loads or unloads the model.</summary>
internal static class GenerateEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new GenerateFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new ModelNotFoundException("", []);

        var form = new GenerateForm(fields.Model, api.Time);
        if (!fields.HasPrompt)
        {
            await GenerationAnswer.ChangeResidencyAsync(api, http, fields, form).ConfigureAwait(false);
            return;
        }
        var request = fields.ToRequest();
        var updates = api.EngineOf(http).GenerateAsync(request, http.RequestAborted);
        await (fields.Stream && !request.RenderOnly
            ? GenerationAnswer.StreamAsync(http, form, updates)
            : GenerationAnswer.SendWholeAsync(http, form, request.Images.Count, updates)).ConfigureAwait(false);
    }
}
