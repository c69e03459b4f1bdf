using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/embed</c> and its elder, <c>POST /api/embeddings</c>: texts to vectors.</summary>
internal static class EmbedEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new EmbedFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new ModelNotFoundException("", []);

        var buffer = new ArrayBufferWriter<byte>(4096);
        if (fields.Inputs.Count == 0)
        {
            await LoadAsync(api, http, fields).ConfigureAwait(false);
            Write(buffer, fields.Model, new EmbedResult { Vectors = [] });
        }
        else
        {
            var request = new EmbedRequest
            {
                Model = fields.Model,
                Inputs = fields.Inputs,
                Truncate = fields.Truncate,
                Dimensions = fields.Dimensions,
                Options = fields.Options,
                KeepAlive = fields.KeepAlive,
            };
            CacheHeaders.Of(http);
            var result = await api.EngineOf(http).EmbedAsync(request, http.RequestAborted).ConfigureAwait(false);
            AnswerHeaders.Tell(http);
            RequestState.Of(http).Measure?.Tokens(result.PromptTokens, 0);
            Write(buffer, fields.Model, result);
        }
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>One text from <c>prompt</c>; the vector is not scaled to length 1.</summary>
    public static async Task InvokeOldAsync(ApiContext api, HttpContext http)
    {
        var fields = new EmbedFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new InvalidRequestException("model is required");

        float[] vector = [];
        if (fields.Prompt.Length == 0)
        {
            await LoadAsync(api, http, fields).ConfigureAwait(false);
        }
        else
        {
            var request = new EmbedRequest
            {
                Model = fields.Model,
                Inputs = [fields.Prompt],
                Normalize = false,
                Options = fields.Options,
                KeepAlive = fields.KeepAlive,
            };
            CacheHeaders.Of(http);
            var result = await api.EngineOf(http).EmbedAsync(request, http.RequestAborted).ConfigureAwait(false);
            AnswerHeaders.Tell(http);
            RequestState.Of(http).Measure?.Tokens(result.PromptTokens, 0);
            vector = result.Vectors[0];
        }
        var buffer = new ArrayBufferWriter<byte>(4096);
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("embedding"u8);
        Write(ref json, vector);
        json.EndObject();
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static Task<ResidentModel> LoadAsync(ApiContext api, HttpContext http, EmbedFields fields) =>
        api.EngineOf(http).LoadAsync(new LoadRequest { Model = fields.Model, Options = fields.Options, KeepAlive = fields.KeepAlive }, http.RequestAborted);

    private static void Write(IBufferWriter<byte> output, string model, EmbedResult result)
    {
        var json = new JsonText(output);
        json.BeginObject();
        json.Name("model"u8);
        json.Value(model);
        json.Name("embeddings"u8);
        json.BeginArray();
        foreach (var vector in result.Vectors)
            Write(ref json, vector);
        json.EndArray();
        MetricsJson.Durations(ref json, result.TotalDuration, result.LoadDuration);
        MetricsJson.Write(ref json, "prompt_eval_count"u8, result.PromptTokens);
        json.EndObject();
    }

    private static void Write(ref JsonText json, float[] vector)
    {
        json.BeginArray();
        foreach (var component in vector)
            json.Value(component);
        json.EndArray();
    }
}

/// <summary>A request to <c>/api/embed</c> or <c>/api/embeddings</c>, as read.</summary>
internal sealed class EmbedFields
{
    private string _model = "";
    private string _prompt = "";
    private bool? _truncate;
    private int _dimensions;
    private bool _alone;

    public string Model => _model;

    public string Prompt => _prompt;

    public List<string> Inputs { get; private set; } = [];

    public bool Truncate => _truncate ?? true;

    public int? Dimensions => _dimensions > 0 ? _dimensions : null;

    public GenerationOptions Options { get; private set; } = GenerationOptions.Default;

    public TimeSpan? KeepAlive { get; private set; }

    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
        {
            var name = member.Name.ToLowerInvariant();
            switch (name)
            {
                case "model":
                    Field.Read(name, member.Value, ref _model);
                    break;
                case "prompt":
                    Field.Read(name, member.Value, ref _prompt);
                    break;
                case "input":
                    Inputs = ReadInputs(member.Value);
                    break;
                case "truncate":
                    Field.Read(name, member.Value, ref _truncate);
                    break;
                case "dimensions":
                    Field.Read(name, member.Value, ref _dimensions);
                    break;
                case "options":
                    Options = OptionsReader.Read(member.Value, Options, ref _alone);
                    break;
                case "keep_alive":
                    KeepAlive = Server.KeepAlive.Read(member.Value);
                    break;
            }
        }
    }

    private static List<string> ReadInputs(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => [],
        JsonValueKind.String => value.GetString() is { Length: > 0 } text ? [text] : [],
        JsonValueKind.Array => [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.String ? item.GetString()! : throw WrongInput())],
        _ => throw WrongInput(),
    };

    private static InvalidRequestException WrongInput() => new("invalid input type");
}
