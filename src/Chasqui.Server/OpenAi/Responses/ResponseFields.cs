using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/responses</c>, with what of it the answer repeats.</summary>
internal sealed class ResponseFields : OpenAiFields
{
    private bool _store = true;
    private string _previous = "";
    private string _safetyIdentifier = "";
    private string _promptCacheKey = "";
    private string _instructions = "";
    private string _effort = "";
    private string _summary = "";
    private string _truncation = "";
    private bool _logprobs;
    private int _topLogprobs;
    private OutputFormat? _format;

    public SamplingFields Sampling { get; } = new();

    /// <summary>Null where nothing was said.</summary>
    public string? Instructions => _instructions.Length > 0 ? _instructions : null;

    /// <summary>Whether any response can be kept. Set by its maker.</summary>
    public bool CanKeep { get; init; }

    /// <summary>Whether this one shall be.</summary>
    public bool Keeps => CanKeep && _store;

    /// <summary>What is new, as it came; undefined where nothing is. To be used while what was read is there.</summary>
    public JsonElement Input { get; private set; }

    /// <summary>The response that this one goes on from; null for none.</summary>
    public string? PreviousResponse => _previous.Length > 0 ? _previous : null;

    /// <summary>What the client wants to find again; null for nothing.</summary>
    public JsonElement? Metadata { get; private set; }

    public string? SafetyIdentifier => _safetyIdentifier.Length > 0 ? _safetyIdentifier : null;

    public string? PromptCacheKey => _promptCacheKey.Length > 0 ? _promptCacheKey : null;

    public string Effort => _effort;

    public string Summary => _summary;

    /// <summary>Alternatives of each token that were asked for.</summary>
    public int TopLogprobs => _topLogprobs;

    public string Truncation => _truncation.Length > 0 ? _truncation : "disabled";

    /// <summary>How the model may use the tools.</summary>
    public ChosenTools Chosen { get; } = new();

    /// <summary>The same as it came; null where nothing was said.</summary>
    public JsonElement? GivenChoice { get; private set; }

    public ResponseTools Tools { get; private set; } = ResponseTools.None;

    /// <summary>The format of the text as it came; null where nothing was said.</summary>
    public JsonElement? GivenFormat { get; private set; }

    /// <summary>The request; without messages it only loads the model. To be called while what was read is there.</summary>
    /// <param name="items">The input, with all that came before it.</param>
    public ChatRequest ToRequest(JsonElement items)
    {
        var input = ResponseInput.Read(items, PassOver);
        return new()
        {
            Model = Model,
            Messages = Instructions is { } instructions ? [new ChatMessage { Role = "system", Content = instructions }, .. input] : input,
            Tools = Chosen.Shown(Tools.Offered),
            ToolChoice = Chosen.Choice,
            Options = Sampling.ToOptions(topP: null),
            Format = _format,
            Think = ReasoningEffort.ToThink(_effort),
            Logprobs = _logprobs,
            TopLogprobs = _logprobs ? _topLogprobs : 0,
            // Unsaid means what it means in Ollama: the oldest turns are left out.
            Truncate = _truncation != "disabled",
        };
    }

    protected override bool ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "input":
                Input = value;
                return true;
            case "instructions":
                Field.Read(name, value, ref _instructions);
                return true;
            case "reasoning":
                ReadReasoning(name, value);
                return true;
            case "tools":
                Tools = ResponseTools.Read(value);
                foreach (var what in Tools.PassedOver)
                    PassOver(what);
                return true;
            case "tool_choice":
                CheckChoice(name, value);
                Chosen.Read(value, ResponseTools.ChosenName);
                GivenChoice = value.Clone();
                return true;
            case "parallel_tool_calls":
                Chosen.ReadParallel(value);
                return true;
            case "text":
                ReadText(name, value);
                return true;
            case "store":
                Field.Read(name, value, ref _store);
                return true;
            case "previous_response_id":
                Field.Read(name, value, ref _previous);
                return true;
            case "metadata":
                Metadata = value.ValueKind == JsonValueKind.Object ? value.Clone() : throw Field.WrongType(name, "an object", value);
                return true;
            case "safety_identifier":
                Field.Read(name, value, ref _safetyIdentifier);
                return true;
            case "prompt_cache_key":
                Field.Read(name, value, ref _promptCacheKey);
                return true;
            case "truncation":
                Field.Read(name, value, ref _truncation);
                if (_truncation is not ("auto" or "disabled"))
                    throw new InvalidParameterException(name, $"\"truncation\" must be \"auto\" or \"disabled\", not \"{Field.Clip(_truncation)}\"");
                return true;
            case "include":
                ReadInclude(name, value);
                return true;
            case "prompt":
                throw FieldRules.Refuse(name, "no templates are stored: send the text as \"input\"");
            case "top_logprobs":
                Field.Read(name, value, ref _topLogprobs);
                if (_topLogprobs is < 0 or > 20)
                    throw new InvalidParameterException(name, "top_logprobs must be between 0 and 20");
                return true;
            case "temperature" or "top_p" or "max_output_tokens":
                return Sampling.Read(name, value);
            default:
                return false;
        }
    }

    /// <summary>A tool that is left out cannot be what must be called.</summary>
    private static void CheckChoice(string name, JsonElement choice)
    {
        if (choice.ValueKind == JsonValueKind.Object && choice.TryGetProperty("type"u8, out var type) && type.ValueKind == JsonValueKind.String && type.GetString() is { } kind
            && kind is not ("function" or "custom" or "allowed_tools"))
            throw FieldRules.Refuse(name, $"no tool of type \"{Field.Clip(kind)}\" runs here; use one of type \"function\" or \"custom\", or \"auto\"");
    }

    private void ReadReasoning(string name, JsonElement value)
    {
        foreach (var member in Field.Members(name, value))
        {
            if (member.NameEquals("effort"u8))
                Field.Read("reasoning.effort", member.Value, ref _effort);
            else if (member.NameEquals("summary"u8))
                Field.Read("reasoning.summary", member.Value, ref _summary);
        }
    }

    private void ReadText(string name, JsonElement value)
    {
        foreach (var member in Field.Members(name, value))
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
                continue;
            if (member.NameEquals("format"u8))
            {
                _format = AnswerShape.Read("text.format", member.Value, nested: false);
                GivenFormat = member.Value.Clone();
            }
            else if (member.NameEquals("verbosity"u8))
            {
                PassOver("text.verbosity");
            }
        }
    }

    private void ReadInclude(string name, JsonElement value)
    {
        foreach (var item in Field.Items(name, value))
        {
            var what = "";
            Field.Read(name, item, ref what);
            if (what == "message.output_text.logprobs")
                _logprobs = true;
            else if (what != "reasoning.encrypted_content")
                PassOver($"include.{what}");
        }
    }
}
