using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Parts of answers that the paths of the OpenAI API share.</summary>
internal static class OpenAiJson
{
    /// <summary>Answers on these paths are sent without a charset, and end with a line break.</summary>
    public const string ContentType = "application/json";

    /// <summary>Ollama's, by which clients know what they talk to.</summary>
    private const string Fingerprint = "fp_ollama";

    /// <summary>A name that no other answer has.</summary>
    public static string NewId(string prefix) => prefix + Guid.NewGuid().ToString("N")[..24];

    public static async Task SendAsync(HttpContext http, int status, ArrayBufferWriter<byte> json)
    {
        json.Write("\n"u8);
        http.Response.StatusCode = status;
        http.Response.ContentType = ContentType;
        http.Response.ContentLength = json.WrittenCount;
        await http.Response.BodyWriter.WriteAsync(json.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Begins an object with <c>id</c>, <c>object</c> and <c>created</c>.</summary>
    public static void Begin(ref JsonText json, string id, ReadOnlySpan<char> kind, long created)
    {
        json.BeginObject();
        json.Name("id"u8);
        json.Value(id);
        json.Name("object"u8);
        json.Value(kind);
        json.Name("created"u8);
        json.Value(created);
    }

    public static void Model(ref JsonText json, string model)
    {
        json.Name("model"u8);
        json.Value(model);
        json.Name("system_fingerprint"u8);
        json.Value(Fingerprint);
    }

    public static void FinishReason(ref JsonText json, string? reason)
    {
        json.Name("finish_reason"u8);
        if (reason is null)
            json.Null();
        else
            json.Value(reason);
    }

    /// <summary>What it took. The details are told where there are any: Ollama has none.</summary>
    public static void Usage(ref JsonText json, GenerationResult? result)
    {
        var (promptTokens, completionTokens) = (result?.PromptTokens ?? 0, result?.CompletionTokens ?? 0);
        json.Name("usage"u8);
        json.BeginObject();
        json.Name("prompt_tokens"u8);
        json.Value((long)promptTokens);
        json.Name("completion_tokens"u8);
        json.Value((long)completionTokens);
        json.Name("total_tokens"u8);
        json.Value((long)promptTokens + completionTokens);
        Detail(ref json, "prompt_tokens_details"u8, "cached_tokens"u8, result?.CachedPromptTokens ?? 0);
        Detail(ref json, "completion_tokens_details"u8, "reasoning_tokens"u8, result?.ReasoningTokens ?? 0);
        json.EndObject();
    }

    private static void Detail(ref JsonText json, ReadOnlySpan<byte> of, ReadOnlySpan<byte> name, int count)
    {
        if (count == 0)
            return;
        json.Name(of);
        json.BeginObject();
        json.Name(name);
        json.Value((long)count);
        json.EndObject();
    }
}
