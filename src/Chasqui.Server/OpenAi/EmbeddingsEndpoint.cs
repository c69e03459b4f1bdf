using System.Buffers;
using System.Buffers.Binary;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/embeddings</c>: texts to vectors of length 1.</summary>
internal static class EmbeddingsEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new EmbeddingFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        fields.Note(http);
        CacheHeaders.Of(http);
        var result = await api.EngineOf(http).EmbedAsync(fields.ToRequest(), http.RequestAborted).ConfigureAwait(false);
        AnswerHeaders.Tell(http);
        RequestState.Of(http).Measure?.Tokens(result.PromptTokens, 0);

        var buffer = new ArrayBufferWriter<byte>(4096);
        var json = new JsonText(buffer);
        Write(ref json, fields, result);
        await OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer).ConfigureAwait(false);
    }

    private static void Write(ref JsonText json, EmbeddingFields fields, EmbedResult result)
    {
        json.BeginObject();
        json.Name("object"u8);
        json.Value("list");
        json.Name("data"u8);
        json.BeginArray();
        for (var i = 0; i < result.Vectors.Count; i++)
        {
            json.BeginObject();
            json.Name("object"u8);
            json.Value("embedding");
            json.Name("embedding"u8);
            if (fields.IsBase64)
                json.Value(ToBase64(result.Vectors[i]));
            else
                Write(ref json, result.Vectors[i]);
            json.Name("index"u8);
            json.Value((long)i);
            json.EndObject();
        }
        json.EndArray();
        json.Name("model"u8);
        json.Value(fields.Model);
        json.Name("usage"u8);
        json.BeginObject();
        json.Name("prompt_tokens"u8);
        json.Value((long)result.PromptTokens);
        json.Name("total_tokens"u8);
        json.Value((long)result.PromptTokens);
        json.EndObject();
        json.EndObject();
    }

    private static void Write(ref JsonText json, float[] vector)
    {
        json.BeginArray();
        foreach (var component in vector)
            json.Value(component);
        json.EndArray();
    }

    private static string ToBase64(float[] vector)
    {
        var bytes = new byte[vector.Length * sizeof(float)];
        for (var i = 0; i < vector.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
        return Convert.ToBase64String(bytes);
    }
}
