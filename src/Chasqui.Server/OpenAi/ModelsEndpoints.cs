using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>GET /v1/models</c>, the models there are, and <c>GET /v1/models/{id}</c>, one of them.</summary>
internal static class ModelsEndpoints
{
    /// <summary>Of the paths that end with a model's name, slashes and all.</summary>
    public const string Prefix = "/v1/models/";

    public static async Task ListAsync(ApiContext api, HttpContext http)
    {
        var isAnthropics = AnthropicModels.Asks(http);
        var models = await api.EngineOf(http).ListAsync(http.RequestAborted).ConfigureAwait(false);
        if (isAnthropics)
        {
            await AnthropicModels.ListAsync(http, models).ConfigureAwait(false);
            return;
        }
        var buffer = new ArrayBufferWriter<byte>(4096);
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("object"u8);
        json.Value("list");
        json.Name("data"u8);
        json.BeginArray();
        foreach (var model in models)
            Write(ref json, model.Name, model);
        json.EndArray();
        json.EndObject();
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    public static async Task ShowAsync(ApiContext api, HttpContext http)
    {
        // The server leaves an escaped slash as it is; clients escape those in the name.
        var name = http.Request.Path.Value![Prefix.Length..].Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        RequestState.Of(http).Model = name;
        var isAnthropics = AnthropicModels.Asks(http);
        var model = await api.EngineOf(http).ShowAsync(name, http.RequestAborted).ConfigureAwait(false);
        if (isAnthropics)
        {
            await AnthropicModels.ShowAsync(http, name, model.Summary).ConfigureAwait(false);
            return;
        }
        var buffer = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(buffer);
        Write(ref json, name, model.Summary);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static void Write(ref JsonText json, string name, ModelSummary model)
    {
        OpenAiJson.Begin(ref json, name, "model", model.ModifiedAt.ToUnixTimeSeconds());
        json.Name("owned_by"u8);
        json.Value(OwnerOf(name));
        if (model.Details.ContextLength > 0)
        {
            // Under the two names that clients look for: most gateways', and vLLM's.
            json.Name("context_length"u8);
            json.Value((long)model.Details.ContextLength);
            json.Name("max_model_len"u8);
            json.Value((long)model.Details.ContextLength);
        }
        json.EndObject();
    }

    /// <summary>The namespace of <c>[host/][namespace/]model[:tag]</c>.</summary>
    private static string OwnerOf(string name) => name.Split('/') is [.., var owner, _] ? owner : "library";
}
