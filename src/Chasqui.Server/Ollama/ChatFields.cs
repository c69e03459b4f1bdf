using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/api/chat</c>.</summary>
internal sealed class ChatFields : GenerationFields
{
    private List<ChatMessage> _messages = [];
    private JsonElement? _tools;

    /// <summary>Without messages a request only loads or unloads the model.</summary>
    public bool HasMessages => _messages.Count > 0;

    /// <summary>The tools that were offered, an array with at least one.</summary>
    public JsonElement? Tools => _tools;

    public ChatRequest ToRequest() => Common(new ChatRequest { Model = Model, Messages = _messages, Tools = _tools });

    protected override void ReadOwnField(string name, JsonElement value)
    {
        switch (name)
        {
            case "messages":
                _messages = [];
                var tools = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var message in Field.Items(name, value))
                    _messages.Add(WithTool(ReadMessage(message), tools));
                break;
            case "tools":
                _tools = null;
                foreach (var tool in Field.Items(name, value))
                {
                    Field.Members("tools", tool);
                    _tools ??= value.Clone();
                }
                break;
        }
    }

    /// <summary>A result that names a call's id and no tool is of the tool that was called so.</summary>
    private static ChatMessage WithTool(ChatMessage message, Dictionary<string, string> tools)
    {
        foreach (var call in message.ToolCalls?.EnumerateArray() ?? default)
        {
            if (Text(call, "id") is { } id && call.TryGetProperty("function", out var function) && Text(function, "name") is { } tool)
                tools[id] = tool;
        }
        return message is { Role: "tool", ToolName: null, ToolCallId: { } answered } && tools.TryGetValue(answered, out var named)
            ? message with { ToolName = named }
            : message;
    }

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>One turn; what its JSON does not say is empty.</summary>
    public static ChatMessage ReadMessage(JsonElement message)
    {
        var role = "";
        var content = "";
        var thinking = "";
        var toolName = "";
        var callId = "";
        List<ReadOnlyMemory<byte>> images = [];
        JsonElement? toolCalls = null;
        foreach (var member in Field.Members("messages", message))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "role":
                    Field.Read("role", member.Value, ref role);
                    break;
                case "content":
                    Field.Read("content", member.Value, ref content);
                    break;
                case "thinking":
                    Field.Read("thinking", member.Value, ref thinking);
                    break;
                case "tool_name":
                    Field.Read("tool_name", member.Value, ref toolName);
                    break;
                case "tool_call_id":
                    Field.Read("tool_call_id", member.Value, ref callId);
                    break;
                case "images":
                    images = ReadImages(member.Value);
                    break;
                case "tool_calls":
                    toolCalls = Field.Items("tool_calls", member.Value).Any() ? member.Value.Clone() : null;
                    break;
            }
        }
        return new ChatMessage
        {
            Role = role.ToLowerInvariant(),
            Content = content,
            Thinking = thinking.Length == 0 ? null : thinking,
            Images = images,
            ToolCalls = toolCalls,
            ToolName = toolName.Length == 0 ? null : toolName,
            ToolCallId = callId.Length == 0 ? null : callId,
        };
    }
}
