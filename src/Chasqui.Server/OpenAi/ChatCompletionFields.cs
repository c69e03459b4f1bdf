using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/chat/completions</c>.</summary>
internal sealed class ChatCompletionFields : OpenAiFields
{
    private readonly SamplingFields _sampling = new();
    private List<ChatMessage> _messages = [];
    private JsonElement? _tools;
    private readonly ChosenTools _chosen = new();
    private OutputFormat? _format;
    private string _effort = "";
    private string? _nestedEffort;
    private bool _logprobs;
    private int _topLogprobs;
    private bool _renderOnly;

    public ChatRequest ToRequest()
    {
        if (_messages.Count == 0)
            throw new InvalidParameterException(null, "[] is too short - 'messages'");
        return new ChatRequest
        {
            Model = Model,
            Messages = _messages,
            Tools = _chosen.Shown(_tools),
            ToolChoice = _chosen.Choice,
            Options = _sampling.ToOptions(topP: 1),
            Format = _format,
            Think = ReasoningEffort.ToThink(_nestedEffort ?? _effort),
            Logprobs = _logprobs,
            TopLogprobs = _logprobs ? _topLogprobs : 0,
            RenderOnly = _renderOnly,
        };
    }

    protected override bool ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "messages":
                _messages = OpenAiMessages.Read(value);
                return true;
            case "tools":
                _tools = ToolFields.Read(value);
                return true;
            case "tool_choice":
                _chosen.Read(value);
                return true;
            case "parallel_tool_calls":
                _chosen.ReadParallel(value);
                return true;
            case "response_format":
                _format = AnswerShape.Read(name, value, nested: true);
                return true;
            case "reasoning_effort":
                Field.Read(name, value, ref _effort);
                return true;
            case "reasoning":
                _nestedEffort = ReadEffort(name, value);
                return true;
            case "logprobs":
                Field.Read(name, value, ref _logprobs);
                return true;
            case "top_logprobs":
                Field.Read(name, value, ref _topLogprobs);
                if (_topLogprobs is < 0 or > 20)
                    throw new InvalidParameterException(name, "top_logprobs must be between 0 and 20");
                return true;
            case "_debug_render_only":
                Field.Read(name, value, ref _renderOnly);
                return true;
            default:
                return _sampling.Read(name, value);
        }
    }

    private static string ReadEffort(string name, JsonElement value)
    {
        var effort = "";
        foreach (var member in Field.Members(name, value))
        {
            if (member.NameEquals("effort"u8))
                Field.Read("reasoning.effort", member.Value, ref effort);
        }
        return effort;
    }
}
