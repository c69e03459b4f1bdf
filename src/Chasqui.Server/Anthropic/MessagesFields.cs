using System.Text;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/messages</c> or <c>/v1/messages/count_tokens</c>, as read. Names of fields match whatever their case, as in Go.</summary>
internal sealed class MessagesFields
{
    private string _model = "";
    private bool _stream;
    private int _maxTokens;
    private int? _topK;
    private float? _temperature;
    private float? _topP;
    private string? _think;
    private string? _effort;
    private string _system = "";
    private List<string>? _stops;
    private List<ChatMessage> _turns = [];
    private JsonElement? _tools;
    private AnthropicToolChoice _choice;
    private OutputFormat? _format;

    public string Model => _model;

    public bool Stream => _stream;

    /// <summary>What was passed over.</summary>
    public PassedOver PassedOver { get; } = new();

    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
            ReadField(member.Name.ToLowerInvariant(), member.Value);
    }

    /// <exception cref="InvalidRequestException">Something is missing that an answer needs.</exception>
    public void CheckForAnswer()
    {
        CheckModel();
        if (_maxTokens <= 0)
            throw new InvalidRequestException("max_tokens is required and must be positive");
        CheckMessages();
    }

    /// <exception cref="InvalidRequestException">Something is missing that counting needs.</exception>
    public void CheckForCount()
    {
        CheckModel();
        CheckMessages();
    }

    public ChatRequest ToRequest()
    {
        var options = new GenerationOptions
        {
            NumPredict = _maxTokens > 0 ? _maxTokens : null,
            Temperature = _temperature,
            TopK = _topK,
            TopP = _topP,
            Stop = _stops,
        };
        options.Validate();
        return new ChatRequest
        {
            Model = _model,
            Messages = _system.Length > 0 ? [new ChatMessage { Role = "system", Content = _system }, .. _turns] : _turns,
            Tools = _choice.None ? null : _tools,
            ToolChoice = _choice.Choice,
            Options = options,
            Format = _format,
            // How hard to think is also that it is to think; a model that cannot is not held to it.
            Think = _think == "false" ? _think : _effort ?? _think,
        };
    }

    private void CheckModel()
    {
        if (_model.Length == 0)
            throw new InvalidRequestException("model is required");
    }

    private void CheckMessages()
    {
        if (_turns.Count == 0)
            throw new InvalidRequestException("messages is required");
    }

    private void ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "model":
                Field.Read(name, value, ref _model);
                break;
            case "messages":
                _turns = TurnReader.Read(value);
                break;
            case "system":
                _system = ReadSystem(value);
                break;
            case "stream":
                Field.Read(name, value, ref _stream);
                break;
            case "max_tokens":
                Field.Read(name, value, ref _maxTokens);
                break;
            case "temperature":
                _temperature = ReadNumber(name, value);
                break;
            case "top_p":
                _topP = ReadNumber(name, value);
                break;
            case "top_k":
                _topK = ReadWhole(name, value);
                break;
            case "stop_sequences":
                _stops = ReadStops(name, value);
                break;
            case "tools":
                _tools = AnthropicTools.Read(value, PassedOver);
                break;
            case "tool_choice":
                _choice = AnthropicToolChoice.Read(value);
                break;
            case "thinking":
                _think = ThinkingConfig.ReadThinking(value, PassedOver);
                break;
            case "output_config":
                (_effort, _format) = ThinkingConfig.ReadOutput(value, _format, PassedOver);
                break;
            case "output_format":
                _format = ThinkingConfig.ReadFormat(name, value) ?? _format;
                break;
            case "session":
                // The gateway's own, which has been read already.
                break;
            default:
                RefusedFields.Check(name, value, PassedOver);
                break;
        }
    }

    private static string ReadSystem(JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.Null or JsonValueKind.String)
            return value.GetString() ?? "";
        if (value.ValueKind != JsonValueKind.Array)
            throw Field.WrongType("system", "a string or an array of text blocks", value);
        var text = new StringBuilder();
        foreach (var item in value.EnumerateArray())
        {
            var block = ContentBlock.Read("system", item);
            if (block.Type != "text")
                throw new InvalidRequestException($"system: a block must be of type \"text\", not \"{Field.Clip(block.Type)}\"");
            text.Append(block.Text);
        }
        return text.ToString();
    }

    private static List<string>? ReadStops(string name, JsonElement value)
    {
        var stops = new List<string>();
        foreach (var item in Field.Items(name, value))
        {
            var stop = "";
            Field.Read(name, item, ref stop);
            if (stop.Length == 0)
                throw new InvalidRequestException("stop_sequences must hold texts of at least one character");
            stops.Add(stop);
        }
        return stops.Count > 0 ? stops : null;
    }

    private static int? ReadWhole(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var number = 0;
        Field.Read(name, value, ref number);
        return number;
    }

    private static float? ReadNumber(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Number => (float)value.GetDouble(),
        _ => throw Field.WrongType(name, "a number", value),
    };
}
