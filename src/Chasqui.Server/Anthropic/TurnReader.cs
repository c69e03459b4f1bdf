using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Makes turns out of messages. Results of tools that stand in a user's message become turns of their own, in their order and
/// before what the user says beside them; each is given the name of its tool, which the call before it tells.
/// </summary>
internal sealed class TurnReader
{
    private readonly List<ChatMessage> _turns = [];
    private readonly Dictionary<string, string> _tools = new(StringComparer.Ordinal);

    private TurnReader() { }

    /// <exception cref="InvalidRequestException">A message is not in order; which one stands before the reason.</exception>
    public static List<ChatMessage> Read(JsonElement messages)
    {
        var reader = new TurnReader();
        var index = 0;
        foreach (var message in Field.Items("messages", messages))
        {
            try
            {
                reader.ReadMessage(message);
            }
            catch (InvalidRequestException e)
            {
                throw new InvalidRequestException(FormattableString.Invariant($"messages.{index}: {e.Message}"), e);
            }
            index++;
        }
        return reader._turns;
    }

    private void ReadMessage(JsonElement message)
    {
        var role = "";
        JsonElement content = default;
        foreach (var member in Field.Members("messages", message))
        {
            if (member.Name.Equals("role", StringComparison.OrdinalIgnoreCase))
                Field.Read("role", member.Value, ref role);
            else if (member.Name.Equals("content", StringComparison.OrdinalIgnoreCase))
                content = member.Value;
        }
        role = role.ToLowerInvariant();
        if (role is not ("user" or "assistant" or "system"))
            throw new InvalidRequestException($"role must be \"user\" or \"assistant\", not \"{Field.Clip(role)}\"");
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
                _turns.Add(new ChatMessage { Role = role, Content = content.GetString()! });
                break;
            case JsonValueKind.Array:
                ReadBlocks(role, content);
                break;
            case JsonValueKind.Undefined:
                throw new InvalidRequestException("a message needs \"content\", a string or an array of blocks");
            default:
                throw Field.WrongType("content", "a string or an array of blocks", content);
        }
    }

    private void ReadBlocks(string role, JsonElement content)
    {
        var text = new StringBuilder();
        var thinking = new StringBuilder();
        var images = new List<ReadOnlyMemory<byte>>();
        var calls = new List<ContentBlock>();
        foreach (var item in content.EnumerateArray())
        {
            var block = ContentBlock.Read("content", item);
            switch (block.Type)
            {
                case "text":
                    text.Append(block.Text);
                    break;
                case "image":
                    images.Add(block.Image());
                    break;
                case "tool_use" when role == "assistant":
                    calls.Add(CheckCall(block));
                    break;
                case "tool_result" when role == "user":
                    AddResult(block);
                    break;
                case "thinking" when role == "assistant":
                    thinking.Append(block.Thinking);
                    break;
                case "redacted_thinking" when role == "assistant":
                    // Thoughts that only those can read who encrypted them.
                    break;
                case "tool_use" or "thinking" or "tool_result" or "redacted_thinking":
                    throw new InvalidRequestException($"a block of type \"{block.Type}\" belongs in a message of the role \"{(block.Type == "tool_result" ? "user" : "assistant")}\"");
                default:
                    throw new InvalidRequestException(
                        $"a block of type \"{Field.Clip(block.Type)}\" is not supported here; use text, image, tool_use, tool_result, thinking or redacted_thinking");
            }
        }
        if (text.Length == 0 && thinking.Length == 0 && images.Count == 0 && calls.Count == 0)
            return;
        _turns.Add(new ChatMessage
        {
            Role = role,
            Content = text.ToString(),
            Thinking = thinking.Length > 0 ? thinking.ToString() : null,
            Images = images,
            ToolCalls = calls.Count > 0 ? Calls(calls) : null,
        });
    }

    private ContentBlock CheckCall(ContentBlock block)
    {
        if (block.Id.Length == 0)
            throw new InvalidRequestException("tool_use block missing required 'id' field");
        if (block.Name.Length == 0)
            throw new InvalidRequestException("tool_use block missing required 'name' field");
        if (block.Input.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null or JsonValueKind.Undefined))
            throw Field.WrongType("input", "an object", block.Input);
        _tools[block.Id] = block.Name;
        return block;
    }

    private void AddResult(ContentBlock block)
    {
        if (!_tools.TryGetValue(block.ToolUseId, out var tool))
            throw new InvalidRequestException($"tool_use_id \"{Field.Clip(block.ToolUseId)}\" is not the id of a tool_use block of an earlier message");
        var text = new StringBuilder();
        var images = new List<ReadOnlyMemory<byte>>();
        if (block.Content.ValueKind == JsonValueKind.String)
        {
            text.Append(block.Content.GetString());
        }
        else if (block.Content.ValueKind != JsonValueKind.Undefined)
        {
            foreach (var item in Field.Items("content", block.Content))
            {
                var part = ContentBlock.Read("content", item);
                if (part.Type == "text")
                    text.Append(part.Text);
                else if (part.Type == "image")
                    images.Add(part.Image());
                else
                    throw new InvalidRequestException($"a block of type \"{Field.Clip(part.Type)}\" is not supported in a tool_result here; use text or image");
            }
        }
        _turns.Add(new ChatMessage { Role = "tool", Content = text.ToString(), Images = images, ToolName = tool, ToolCallId = block.ToolUseId });
    }

    /// <summary>Calls in Ollama's form.</summary>
    private static JsonElement Calls(List<ContentBlock> calls)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartArray();
            for (var i = 0; i < calls.Count; i++)
            {
                json.WriteStartObject();
                json.WriteString("id"u8, calls[i].Id);
                json.WriteStartObject("function"u8);
                json.WriteNumber("index"u8, i);
                json.WriteString("name"u8, calls[i].Name);
                json.WritePropertyName("arguments"u8);
                if (calls[i].Input.ValueKind == JsonValueKind.Object)
                    calls[i].Input.WriteTo(json);
                else
                    json.WriteRawValue("{}"u8);
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }
}
