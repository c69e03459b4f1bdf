using System.Text.Json.Serialization;

namespace Chasqui.Bench.Peers;

/// <summary>A unary body as JSON.</summary>
internal sealed record EchoJson(string Data);

/// <summary>What a stream is asked for, over HTTP.</summary>
internal sealed record TokenJson(string Model, string Prompt, int Tokens, bool Stream = true);

/// <summary>A line as Ollama's <c>/api/generate</c> streams it.</summary>
internal sealed record OllamaLine(
    string Model, [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt, string Response, bool Done);

/// <summary>A chunk as OpenAI's <c>/v1/chat/completions</c> streams it.</summary>
internal sealed record OpenAIChunk(
    string Id, string Object, long Created, string Model, [property: JsonPropertyName("system_fingerprint")] string Fingerprint, OpenAIChoice[] Choices);

internal sealed record OpenAIChoice(int Index, OpenAIDelta Delta, [property: JsonPropertyName("finish_reason")] string? FinishReason);

internal sealed record OpenAIDelta(string? Role, string? Content);

/// <summary>The bodies, with serializers made at build time, which is the fastest System.Text.Json has.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(EchoJson))]
[JsonSerializable(typeof(TokenJson))]
[JsonSerializable(typeof(OllamaLine))]
[JsonSerializable(typeof(OpenAIChunk))]
internal sealed partial class BodyJson : JsonSerializerContext;
