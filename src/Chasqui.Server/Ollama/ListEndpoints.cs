using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>/api/tags</c>, the models there are, and <c>/api/ps</c>, those in memory.</summary>
internal static class ListEndpoints
{
    public static async Task TagsAsync(ApiContext api, HttpContext http)
    {
        var models = await api.EngineOf(http).ListAsync(http.RequestAborted).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(4096);
        var json = new JsonText(buffer);
        Begin(ref json);
        foreach (var model in models)
        {
            json.BeginObject();
            Name(ref json, model.Name);
            json.Name("modified_at"u8);
            json.Value(model.ModifiedAt);
            json.Name("size"u8);
            json.Value(model.SizeBytes);
            json.Name("digest"u8);
            json.Value(model.Digest);
            ModelJson.Details(ref json, model.Details, lengths: true);
            ModelJson.Capabilities(ref json, model.Capabilities);
            json.EndObject();
        }
        End(ref json);
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    public static async Task ResidentAsync(ApiContext api, HttpContext http)
    {
        var models = await api.EngineOf(http).ListResidentAsync(http.RequestAborted).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(4096);
        var json = new JsonText(buffer);
        Begin(ref json);
        foreach (var model in models)
        {
            json.BeginObject();
            Name(ref json, model.Summary.Name);
            json.Name("size"u8);
            json.Value(model.SizeBytes);
            json.Name("digest"u8);
            json.Value(model.Summary.Digest);
            // Here Ollama leaves out what the model was made from.
            ModelJson.Details(ref json, model.Summary.Details with { ParentModel = "" }, lengths: false);
            json.Name("expires_at"u8);
            json.Value(api.Expiry(model.ExpiresAt));
            json.Name("size_vram"u8);
            json.Value(model.VideoMemoryBytes);
            json.Name("context_length"u8);
            json.Value((long)model.ContextLength);
            json.EndObject();
        }
        End(ref json);
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static void Begin(ref JsonText json)
    {
        json.BeginObject();
        json.Name("models"u8);
        json.BeginArray();
    }

    private static void End(ref JsonText json)
    {
        json.EndArray();
        json.EndObject();
    }

    private static void Name(ref JsonText json, string name)
    {
        json.Name("name"u8);
        json.Value(name);
        json.Name("model"u8);
        json.Value(name);
    }
}
