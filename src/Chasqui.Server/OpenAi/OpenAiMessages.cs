using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The turns of a chat in OpenAI's form.</summary>
internal static class OpenAiMessages
{
    private const string Parameter = "messages";

    public static List<ChatMessage> Read(JsonElement messages)
    {
        var read = new List<ChatMessage>();
        var tools = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var message in Field.Items(Parameter, messages))
            read.Add(ReadOne(message, tools));
        return read;
    }

    /// <summary>The engine's name of a role. Developers' texts are the system's.</summary>
    public static string RoleOf(string role) => role.ToLowerInvariant() switch
    {
        "developer" => "system",
        "function" => "tool",
        var other => other,
    };

    private static ChatMessage ReadOne(JsonElement message, Dictionary<string, string> tools)
    {
        string role = "", name = "", callId = "", reasoning = "";
        JsonElement content = default;
        List<FunctionCall>? calls = null;
        foreach (var member in Field.Members(Parameter, message))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "role":
                    Field.Read("role", member.Value, ref role);
                    break;
                case "content":
                    content = member.Value;
                    break;
                case "name":
                    Field.Read("name", member.Value, ref name);
                    break;
                case "tool_call_id":
                    Field.Read("tool_call_id", member.Value, ref callId);
                    break;
                // The second name is that of vLLM and others.
                case "reasoning" or "reasoning_content":
                    Field.Read("reasoning", member.Value, ref reasoning);
                    break;
                case "tool_calls" when member.Value.ValueKind != JsonValueKind.Null:
                    calls = ReadCalls(member.Value);
                    break;
                case "function_call" when member.Value.ValueKind != JsonValueKind.Null:
                    throw new InvalidParameterException(Parameter, "\"function_call\" of a message is not supported: use \"tool_calls\"");
                case "audio" when member.Value.ValueKind != JsonValueKind.Null:
                    throw new InvalidParameterException(Parameter, "\"audio\" of a message is not supported: send its text");
            }
        }
        if (role.Length == 0)
            throw new InvalidParameterException(Parameter, "a message needs a \"role\": system, developer, user, assistant or tool");
        role = RoleOf(role);
        // Of equal ids the last counts, and a call comes before its result.
        foreach (var call in calls ?? [])
            tools[call.Id] = call.Name;
        var (text, images) = ReadContent(content, optional: calls is not null);
        return new ChatMessage
        {
            Role = role,
            Content = text,
            Images = images,
            Thinking = reasoning.Length == 0 ? null : reasoning,
            ToolCalls = calls is null ? null : FunctionCall.ToOllama(Parameter, calls),
            ToolName = role != "tool" ? null : name.Length > 0 ? name : tools.GetValueOrDefault(callId),
            ToolCallId = role != "tool" || callId.Length == 0 ? null : callId,
        };
    }

    private static (string Text, List<ReadOnlyMemory<byte>> Images) ReadContent(JsonElement content, bool optional)
    {
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
                return (content.GetString()!, []);
            case JsonValueKind.Array:
                break;
            case JsonValueKind.Undefined or JsonValueKind.Null when optional:
                return ("", []);
            default:
                // In the words of Ollama, which are Go's.
                throw new InvalidParameterException(null, $"invalid message content type: {GoType(content.ValueKind)}");
        }
        var texts = new List<string>();
        var images = new List<ReadOnlyMemory<byte>>();
        foreach (var part in content.EnumerateArray())
        {
            var type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type"u8, out var given) && given.ValueKind == JsonValueKind.String
                ? given.GetString()
                : null;
            switch (type)
            {
                case "text" or "refusal":
                    texts.Add(TextOf(part, type));
                    break;
                case "image_url":
                    images.Add(ImageUrl.Decode(Parameter, UrlOf(part)));
                    break;
                case "input_audio" or "file" or "video_url":
                    throw new InvalidParameterException(Parameter, $"parts of type \"{type}\" are not supported: text and image_url are");
                default:
                    throw WrongPart();
            }
        }
        // As Ollama joins turns of one role, which it makes of parts.
        return (string.Join("\n\n", texts), images);
    }

    private static List<FunctionCall> ReadCalls(JsonElement value)
    {
        var calls = new List<FunctionCall>();
        foreach (var call in Field.Items("tool_calls", value))
        {
            string id = "", type = "function", name = "", arguments = "";
            foreach (var member in Field.Members("tool_calls", call))
            {
                switch (member.Name)
                {
                    case "id":
                        Field.Read("id", member.Value, ref id);
                        break;
                    case "type":
                        Field.Read("type", member.Value, ref type);
                        break;
                    case "function":
                        foreach (var part in Field.Members("function", member.Value))
                        {
                            if (part.NameEquals("name"u8))
                                Field.Read("name", part.Value, ref name);
                            else if (part.NameEquals("arguments"u8))
                                Field.Read("arguments", part.Value, ref arguments);
                        }
                        break;
                }
            }
            if (type != "function")
                throw new InvalidParameterException(Parameter, $"tool calls of type \"{Field.Clip(type)}\" are not supported: those of type \"function\" are");
            calls.Add(new FunctionCall(id, calls.Count, name, arguments));
        }
        return calls;
    }

    private static string TextOf(JsonElement part, string member) =>
        part.TryGetProperty(member, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : throw WrongPart();

    private static string UrlOf(JsonElement part)
    {
        if (!part.TryGetProperty("image_url"u8, out var image))
            throw WrongPart();
        if (image.ValueKind == JsonValueKind.Object && !image.TryGetProperty("url"u8, out image))
            throw WrongPart();
        return image.ValueKind == JsonValueKind.String ? image.GetString()! : throw WrongPart();
    }

    private static InvalidParameterException WrongPart() => new(null, "invalid message format");

    private static string GoType(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Number => "float64",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Object => "map[string]interface {}",
        _ => "<nil>",
    };
}
