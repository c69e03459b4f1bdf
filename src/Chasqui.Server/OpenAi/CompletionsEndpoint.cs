using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/completions</c>: continues a prompt; with an empty one, loads the model.</summary>
internal static class CompletionsEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new CompletionFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        fields.Note(http);
        var form = new CompletionForm(fields.Model, api.Time, RequestState.Of(http).Start);
        if (!fields.HasPrompt)
        {
            await LoadAsync(api, http, fields, form).ConfigureAwait(false);
            return;
        }
        var request = fields.ToRequest();
        var updates = api.EngineOf(http).GenerateAsync(request, http.RequestAborted);
        await (fields.Stream && !request.RenderOnly
            ? StreamAsync(api, http, form, fields.IncludeUsage, updates)
            : SendWholeAsync(http, form, updates)).ConfigureAwait(false);
    }

    private static async Task LoadAsync(ApiContext api, HttpContext http, CompletionFields fields, CompletionForm form)
    {
        if (fields.Stream)
        {
            await using var events = Sse.Open(api, http);
            await ModelLoad.RunAsync(api, http, fields.ToLoad(), "generate").ConfigureAwait(false);
            form.WriteEnd(events, "load", null, fields.IncludeUsage);
            await events.SendAsync().ConfigureAwait(false);
            return;
        }
        await ModelLoad.RunAsync(api, http, fields.ToLoad(), "generate").ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(512);
        var json = new JsonText(buffer);
        form.WriteLoaded(ref json);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static async Task SendWholeAsync(HttpContext http, CompletionForm form, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        if (answer.Result is { } result)
            GenerationAnswer.CountWhole(http, result);
        var buffer = new ArrayBufferWriter<byte>(1024);
        var json = new JsonText(buffer);
        form.WriteWhole(ref json, answer);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static async Task StreamAsync(ApiContext api, HttpContext http, CompletionForm form, bool usage, IAsyncEnumerable<GenerationUpdate> updates)
    {
        GenerationResult? result = null;
        await using var events = Sse.Open(api, http);
        await foreach (var update in updates.WithCancellation(http.RequestAborted).ConfigureAwait(false))
        {
            result = update.Result;
            if (update.Text.Length > 0 || update.Logprobs is { Count: > 0 })
                form.WritePiece(events, update.Text, null, update.Logprobs, usage);
            if (result is not null)
                form.WriteEnd(events, CompletionForm.ReasonOf(result), result, usage);
            if (!events.IsEmpty)
                await events.SendAsync().ConfigureAwait(false);
        }
        GenerationAnswer.Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }
}
