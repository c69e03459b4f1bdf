using System.Text.Json;

namespace Chasqui;

/// <summary>A conversation to answer.</summary>
public sealed record ChatRequest : GenerationRequest
{
    /// <summary>The turns, oldest first.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];

    /// <summary>Tool definitions, an array in the form of OpenAI's and Ollama's APIs; null for none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>How the model may use the tools; null leaves it to the model.</summary>
    public ToolChoice? ToolChoice { get; init; }
}

/// <summary>One turn of a conversation.</summary>
public sealed record ChatMessage
{
    /// <summary><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>; others are passed to the template as they are.</summary>
    public required string Role { get; init; }

    /// <summary>The text of the turn.</summary>
    public string Content { get; init; } = "";

    /// <summary>What the model thought before it answered, where the turn came from a thinking model.</summary>
    public string? Thinking { get; init; }

    /// <summary>Images, as the encoded files' bytes.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Images { get; init; } = [];

    /// <summary>Calls the assistant made in this turn, as the API's JSON array; null for none.</summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>The tool whose result this turn is (role <c>tool</c>).</summary>
    public string? ToolName { get; init; }

    /// <summary>The id of the call whose result this is (role <c>tool</c>); null where the caller gave none.</summary>
    public string? ToolCallId { get; init; }
}
