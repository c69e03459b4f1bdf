using System.Text.Json;

namespace Chasqui;

/// <summary>The shape an answer must have; enforced token by token with a grammar.</summary>
public sealed record OutputFormat
{
    private OutputFormat() { }

    /// <summary>Any JSON object, as Ollama's <c>"json"</c>.</summary>
    public static OutputFormat Json { get; } = new();

    /// <summary>The JSON schema, or null for any JSON object.</summary>
    public JsonElement? Schema { get; private init; }

    /// <summary>JSON that a schema describes. The schema is compiled when the request runs: one that cannot be is
    /// refused with <see cref="InvalidFormatException"/>.</summary>
    public static OutputFormat FromSchema(JsonElement schema) => new() { Schema = schema.Clone() };
}
