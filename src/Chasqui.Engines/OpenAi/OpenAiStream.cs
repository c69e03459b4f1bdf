using System.Text.Json;
using Chasqui.Engines.Http;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>Makes updates of the chunks of one streamed chat or completion. Calls of tools come in pieces and are given out whole, with the end.</summary>
/// <param name="model">The model that was asked for, for errors.</param>
/// <param name="alternatives">How many alternatives of each token were asked for.</param>
internal sealed class OpenAiStream(string model, int alternatives)
{
    private const int MaxCalls = 256;
    private const int MaxArguments = 16 << 20;

    private readonly List<OpenAiCall> _calls = [];
    private int _argumentsLength;
    private string? _finish;
    private bool _isCounted;
    private JsonElement _usage;
    private JsonElement _timings;
    private TimeSpan? _first;

    /// <summary>Whether the server has said why the answer ended.</summary>
    public bool IsFinished => _finish is not null;

    /// <summary>Whether it has counted the tokens as well, so that nothing is missing whatever may follow.</summary>
    public bool IsComplete => _finish is not null && _isCounted;

    /// <summary>What a chunk says; null for nothing.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="isError">Whether it came as an error by its field's name.</param>
    /// <param name="elapsed">Since the request was sent.</param>
    /// <exception cref="EngineException">The chunk is an error.</exception>
    public GenerationUpdate? Read(JsonElement chunk, bool isError, TimeSpan elapsed)
    {
        if (isError || chunk.Get("error") is not null || (chunk.Get("object") is { ValueKind: JsonValueKind.String } kind && kind.ValueEquals("error")))
            throw NodeErrors.Midway(model, ErrorText.Read(chunk));
        if (chunk.Get("usage") is { ValueKind: JsonValueKind.Object } usage)
            (_usage, _isCounted) = (usage.Clone(), _finish is not null);
        if (chunk.Get("timings") is { ValueKind: JsonValueKind.Object } timings)
            _timings = timings.Clone();
        if (chunk.Get("choices") is not { } choices)
            return chunk.Get("usage") is null ? throw new FormatException("a chunk has neither choices, usage nor error") : null;
        if (choices.GetArrayLength() == 0)
            return null;
        var choice = choices[0];
        // Some servers say an empty reason with each chunk.
        if (choice.Get("finish_reason") is { ValueKind: JsonValueKind.String } reason && reason.GetString() is { Length: > 0 } finish)
            (_finish, _isCounted) = (finish, _isCounted || chunk.Get("usage") is { ValueKind: JsonValueKind.Object });
        var delta = choice.Get("delta");
        foreach (var call in delta?.Items("tool_calls") ?? [])
            Add(call);

        var update = new GenerationUpdate
        {
            Text = delta?.Text("content") ?? choice.Text("text"),
            Thinking = delta is { } d ? d.Text("reasoning_content") is { Length: > 0 } thinking ? thinking : d.Text("reasoning") : "",
            Logprobs = OpenAiLogprobs.Read(choice.Get("logprobs"), alternatives),
        };
        var says = update.Text.Length > 0 || update.Thinking.Length > 0 || update.Logprobs is not null;
        if (says || _calls.Count > 0 || _finish is not null)
            _first ??= elapsed;
        return says ? update : null;
    }

    /// <summary>Whether anything has come that a model made.</summary>
    public bool HasBegun => _first is not null;

    /// <summary>The last update, with the calls of tools.</summary>
    /// <exception cref="EngineFailedException">The server gave the answer up, or a call's arguments are no JSON.</exception>
    public GenerationUpdate End(TimeSpan elapsed)
    {
        if (_finish is "abort" or "error")
            throw new EngineFailedException($"the node gave its answer up: {_finish}");
        return new GenerationUpdate
        {
            ToolCalls = _calls.Count == 0 ? null : ToolCallForms.ToOllama([.. _calls.Select(Whole)]),
            Result = Result(elapsed),
        };
    }

    private static ToolCallForms.ToolCall Whole(OpenAiCall call)
    {
        try
        {
            return new(call.Id, call.Name, ToolCallForms.Arguments(call.Arguments));
        }
        catch (JsonException e)
        {
            throw new EngineFailedException($"the model called the tool '{call.Name}' with arguments that are no JSON object; try again", e);
        }
    }

    private void Add(JsonElement piece)
    {
        var (id, name, arguments) = (piece.Text("id"), "", "");
        if (piece.Get("function") is { } function)
        {
            name = function.Text("name");
            arguments = function.Get("arguments") switch
            {
                null => "",
                { ValueKind: JsonValueKind.String } text => text.GetString()!,
                { } json => json.GetRawText(),
            };
        }
        _argumentsLength += arguments.Length;
        if (_argumentsLength > MaxArguments)
            throw new EngineFailedException("the node's answer calls tools with more than 16 MiB of arguments");

        var call = CallOf(piece, id);
        if (call is null || call.IsFollowedBy(id, name, arguments))
        {
            if (_calls.Count == MaxCalls)
                throw new EngineFailedException($"the node's answer calls more than {MaxCalls} tools");
            _calls.Add(call = new OpenAiCall(IndexOf(piece)));
        }
        call.Add(id, name, arguments);
    }

    /// <summary>The call that a piece may belong to: by its index, else by its id, else the last one; null for none.</summary>
    private OpenAiCall? CallOf(JsonElement piece, string id)
    {
        if (IndexOf(piece) is >= 0 and var index)
            return _calls.FindLast(call => call.Index == index);
        return (id.Length > 0 ? _calls.FindLast(call => call.Id == id) : null) ?? _calls.LastOrDefault();
    }

    private static int IndexOf(JsonElement piece) => piece.Get("index") is { ValueKind: JsonValueKind.Number } index ? index.GetInt32() : -1;

    private GenerationResult Result(TimeSpan elapsed)
    {
        var (usage, timings) = (_usage.ValueKind == JsonValueKind.Object, _timings.ValueKind == JsonValueKind.Object);
        var first = _first ?? elapsed;
        var cached = usage ? Detail("prompt_tokens_details", "cached_tokens") : 0;
        return new GenerationResult
        {
            Reason = _finish == "length" ? FinishReason.Length : FinishReason.Stop,
            PromptTokens = usage ? _usage.Count("prompt_tokens") : timings ? _timings.Count("prompt_n") + _timings.Count("cache_n") : 0,
            CachedPromptTokens = cached > 0 || !timings ? cached : _timings.Count("cache_n"),
            CompletionTokens = usage ? _usage.Count("completion_tokens") : timings ? _timings.Count("predicted_n") : 0,
            ReasoningTokens = usage ? Detail("completion_tokens_details", "reasoning_tokens") : 0,
            TotalDuration = elapsed,
            // Where the server does not say, the first token marks the end of the prompt's time.
            PromptDuration = timings ? _timings.Milliseconds("prompt_ms") : first,
            CompletionDuration = timings ? _timings.Milliseconds("predicted_ms") : elapsed - first,
        };
    }

    private int Detail(string of, string name) => _usage.Get(of) is { ValueKind: JsonValueKind.Object } details ? details.Count(name) : 0;
}
