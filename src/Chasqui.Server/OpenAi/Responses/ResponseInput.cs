using System.Text;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The <c>input</c> of a response: a text, or the items of a conversation, which become turns.</summary>
internal sealed class ResponseInput
{
    /// <summary>What tools at OpenAI did, which no model here has a word for.</summary>
    private static readonly HashSet<string> _done =
    [
        "web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call", "tool_search_call", "tool_search_output",
        "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
    ];

    private const string Parameter = "input";

    private readonly ResponseTurns _turns = new();

    /// <param name="input">A text or an array; nothing for none.</param>
    /// <param name="passOver">Told what has no meaning here.</param>
    public static List<ChatMessage> Read(JsonElement input, Action<string> passOver)
    {
        try
        {
            return ReadAll(input, passOver);
        }
        catch (InvalidRequestException e) when (e is not InvalidParameterException)
        {
            throw new InvalidParameterException(Parameter, e.Message);
        }
    }

    private static List<ChatMessage> ReadAll(JsonElement input, Action<string> passOver)
    {
        if (input.ValueKind == JsonValueKind.Undefined)
            return [];
        if (input.ValueKind == JsonValueKind.String)
            return input.GetString() is { Length: > 0 } text ? [new ChatMessage { Role = "user", Content = text }] : [];
        if (input.ValueKind != JsonValueKind.Array)
            throw Field.WrongType(Parameter, "a string or an array of items", input);
        var reader = new ResponseInput();
        foreach (var item in input.EnumerateArray())
            reader.Add(item, passOver);
        return reader._turns.End();
    }

    private void Add(JsonElement item, Action<string> passOver)
    {
        if (item.ValueKind != JsonValueKind.Object)
            throw new InvalidParameterException(Parameter, "an item of \"input\" must be an object with a \"type\"");
        var type = Text(item, "type");
        if (type.Length == 0 && Text(item, "role").Length > 0)
            type = "message";
        switch (type)
        {
            case "message":
                AddMessage(item);
                break;
            case "function_call":
                AddCall(item, Text(item, "arguments"));
                break;
            case "custom_tool_call":
                AddCall(item, ResponseTools.ArgumentsOf(Text(item, "input")));
                break;
            case "function_call_output" or "custom_tool_call_output":
                var (output, images) = ReadContent(item, "output");
                _turns.AddResult(Text(item, "call_id"), output, images);
                break;
            case "reasoning":
                _turns.AddThinking(ReadThinking(item));
                break;
            case var done when _done.Contains(done):
                passOver($"{Parameter}.{done}");
                break;
            case "":
                throw new InvalidParameterException(Parameter, "an item of \"input\" needs a \"type\" or a \"role\"");
            default:
                throw new InvalidParameterException(Parameter,
                    $"items of type \"{Field.Clip(type)}\" are not supported: message, function_call, function_call_output, custom_tool_call, custom_tool_call_output and reasoning are");
        }
    }

    private void AddCall(JsonElement item, string arguments) =>
        _turns.AddCall(Text(item, "call_id"), ResponseTools.NameOf(Text(item, "namespace"), Text(item, "name")), arguments);

    private void AddMessage(JsonElement item)
    {
        var role = OpenAiMessages.RoleOf(Text(item, "role"));
        if (role.Length == 0)
            throw new InvalidParameterException(Parameter, "a message needs a \"role\": system, developer, user or assistant");
        var (text, images) = ReadContent(item, "content");
        _turns.AddMessage(role, text, images);
    }

    private static (string Text, List<ReadOnlyMemory<byte>> Images) ReadContent(JsonElement item, string name)
    {
        var images = new List<ReadOnlyMemory<byte>>();
        if (!item.TryGetProperty(name, out var content) || content.ValueKind == JsonValueKind.Null)
            return ("", images);
        if (content.ValueKind == JsonValueKind.String)
            return (content.GetString()!, images);
        if (content.ValueKind != JsonValueKind.Array)
            throw new InvalidParameterException(Parameter, $"\"{name}\" of an item must be a string or an array of parts");
        var text = new StringBuilder();
        foreach (var part in content.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object)
                throw new InvalidParameterException(Parameter, $"a part of \"{name}\" must be an object with a \"type\"");
            switch (Text(part, "type"))
            {
                case "input_text" or "output_text" or "text":
                    text.Append(Text(part, "text"));
                    break;
                case "refusal":
                    text.Append(Text(part, "refusal"));
                    break;
                case "input_image":
                    if (Text(part, "image_url") is not { Length: > 0 } url)
                        throw new InvalidParameterException(Parameter, "an input_image needs an \"image_url\" with the image in base64: no files are stored");
                    images.Add(ImageUrl.Decode(Parameter, url));
                    break;
                case var type:
                    throw new InvalidParameterException(Parameter, $"parts of type \"{Field.Clip(type)}\" are not supported: input_text, output_text and input_image are");
            }
        }
        return (text.ToString(), images);
    }

    private static string ReadThinking(JsonElement item)
    {
        // What OpenAI itself has encrypted says nothing to a model here.
        if (Text(item, "encrypted_content") is { Length: > 0 } whole && !whole.StartsWith("gAAAAA", StringComparison.Ordinal))
            return whole;
        if (!item.TryGetProperty("summary"u8, out var summary) || summary.ValueKind != JsonValueKind.Array)
            return "";
        return string.Join("\n", summary.EnumerateArray().Where(part => part.ValueKind == JsonValueKind.Object).Select(part => Text(part, "text")));
    }

    private static string Text(JsonElement item, string name)
    {
        var text = "";
        if (item.TryGetProperty(name, out var value))
            Field.Read(name, value, ref text);
        return text;
    }
}
