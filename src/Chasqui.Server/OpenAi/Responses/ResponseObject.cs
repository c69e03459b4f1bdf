using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The object that a response is; the order of members is Ollama's.</summary>
internal sealed class ResponseObject(ResponseFields fields, TimeProvider time)
{
    private readonly long _created = time.GetUtcNow().ToUnixTimeSeconds();

    private int _items;
    private long? _completed;
    private bool? _isKept;

    /// <summary>Whether it can be referred to once it is complete.</summary>
    public bool IsKept { get => _isKept ?? fields.Keeps; set => _isKept = value; }

    public string Id { get; } = ResponseIds.New();

    /// <summary>What calls are made of.</summary>
    public ResponseTools Tools => fields.Tools;

    /// <summary>A name for the next item, which no other has and which tells the response.</summary>
    public string NewItemId(string prefix) => ResponseIds.OfItem(prefix, Id, _items++);

    /// <summary>A response that is being made.</summary>
    public void WriteBegun(ref JsonText json) => Write(ref json, "in_progress", [], null, null);

    /// <summary>A response that has ended by itself, or at its limit of tokens.</summary>
    public void WriteEnded(ref JsonText json, IReadOnlyList<ResponseItem> output, GenerationResult result) =>
        Write(ref json, IsIncomplete(result) ? "incomplete" : "completed", output, result, null);

    /// <summary>A response that failed.</summary>
    public void WriteFailed(ref JsonText json, IReadOnlyList<ResponseItem> output, ApiError error) => Write(ref json, "failed", output, null, error);

    public static bool IsIncomplete(GenerationResult result) => result.Reason == FinishReason.Length;

    private void Write(ref JsonText json, string status, IReadOnlyList<ResponseItem> output, GenerationResult? result, ApiError? error)
    {
        json.BeginObject();
        Text(ref json, "id"u8, Id);
        Text(ref json, "object"u8, "response");
        json.Name("created_at"u8);
        json.Value(_created);
        json.Name("completed_at"u8);
        if (result is null)
            json.Null();
        else
            json.Value(_completed ??= time.GetUtcNow().ToUnixTimeSeconds());
        Text(ref json, "status"u8, status);
        json.Name("incomplete_details"u8);
        if (status == "incomplete")
        {
            json.BeginObject();
            Text(ref json, "reason"u8, "max_output_tokens");
            json.EndObject();
        }
        else
        {
            json.Null();
        }
        Text(ref json, "model"u8, fields.Model);
        Text(ref json, "previous_response_id"u8, fields.PreviousResponse);
        Text(ref json, "instructions"u8, fields.Instructions);
        json.Name("output"u8);
        json.BeginArray();
        foreach (var item in output)
            item.Write(ref json);
        json.EndArray();
        Error(ref json, error);
        Echo(ref json);
        json.Name("usage"u8);
        if (result is null)
            json.Null();
        else
            Usage(ref json, result);
        Rest(ref json);
        SessionFields.Write(ref json, result);
        json.EndObject();
    }

    private static void Error(ref JsonText json, ApiError? error)
    {
        json.Name("error"u8);
        if (error is not { } failure)
        {
            json.Null();
            return;
        }
        json.BeginObject();
        Text(ref json, "code"u8, failure.Status >= 500 ? "server_error" : "invalid_prompt");
        Text(ref json, "message"u8, failure.Message);
        json.EndObject();
    }

    /// <summary>What was asked for.</summary>
    private void Echo(ref JsonText json)
    {
        json.Name("tools"u8);
        json.BeginArray();
        foreach (var tool in fields.Tools.Given?.EnumerateArray() ?? default)
            Tool(ref json, tool);
        json.EndArray();
        json.Name("tool_choice"u8);
        if (fields.GivenChoice is { } choice)
            json.Raw(JsonSerializer.SerializeToUtf8Bytes(choice, FunctionCall.PlainOptions));
        else
            json.Value("auto");
        Text(ref json, "truncation"u8, fields.Truncation);
        json.Name("parallel_tool_calls"u8);
        json.Value(fields.Chosen.MayCallSeveral);
        json.Name("text"u8);
        json.BeginObject();
        json.Name("format"u8);
        if (fields.GivenFormat is { } format)
            json.Raw(JsonSerializer.SerializeToUtf8Bytes(format));
        else
            json.Raw("{\"type\":\"text\"}"u8);
        json.EndObject();
        json.Name("top_p"u8);
        json.Value((double)(fields.Sampling.TopP ?? 1));
        json.Name("presence_penalty"u8);
        json.Value(0L);
        json.Name("frequency_penalty"u8);
        json.Value(0L);
        json.Name("top_logprobs"u8);
        json.Value((long)fields.TopLogprobs);
        json.Name("temperature"u8);
        json.Value(fields.Sampling.Temperature);
        Reasoning(ref json);
    }

    private void Reasoning(ref JsonText json)
    {
        json.Name("reasoning"u8);
        if (fields.Effort.Length + fields.Summary.Length == 0)
        {
            json.Null();
            return;
        }
        json.BeginObject();
        if (fields.Effort.Length > 0)
            Text(ref json, "effort"u8, fields.Effort);
        if (fields.Summary.Length > 0)
            Text(ref json, "summary"u8, fields.Summary);
        json.EndObject();
    }

    private static void Tool(ref JsonText json, JsonElement tool)
    {
        if (tool.TryGetProperty("type"u8, out var type) && !type.ValueEquals("function"u8))
        {
            json.Raw(JsonSerializer.SerializeToUtf8Bytes(tool));
            return;
        }
        json.BeginObject();
        Text(ref json, "type"u8, "function");
        foreach (var name in (ReadOnlySpan<string>)["name", "description", "strict", "parameters"])
        {
            json.Name(name);
            if (tool.TryGetProperty(name, out var value))
                json.Raw(JsonSerializer.SerializeToUtf8Bytes(value));
            else
                json.Null();
        }
        json.EndObject();
    }

    private static void Usage(ref JsonText json, GenerationResult result)
    {
        json.BeginObject();
        json.Name("input_tokens"u8);
        json.Value((long)result.PromptTokens);
        json.Name("output_tokens"u8);
        json.Value((long)result.CompletionTokens);
        json.Name("total_tokens"u8);
        json.Value((long)result.PromptTokens + result.CompletionTokens);
        json.Name("input_tokens_details"u8);
        json.BeginObject();
        json.Name("cached_tokens"u8);
        json.Value((long)result.CachedPromptTokens);
        json.EndObject();
        json.Name("output_tokens_details"u8);
        json.BeginObject();
        json.Name("reasoning_tokens"u8);
        json.Value((long)result.ReasoningTokens);
        json.EndObject();
        json.EndObject();
    }

    private void Rest(ref JsonText json)
    {
        json.Name("max_output_tokens"u8);
        if (fields.Sampling.Limit is { } limit)
            json.Value((long)limit);
        else
            json.Null();
        Text(ref json, "max_tool_calls"u8, null);
        json.Name("store"u8);
        json.Value(IsKept);
        json.Name("background"u8);
        json.Value(false);
        Text(ref json, "service_tier"u8, "default");
        json.Name("metadata"u8);
        if (fields.Metadata is { } metadata)
            json.Raw(JsonSerializer.SerializeToUtf8Bytes(metadata));
        else
            json.Raw("{}"u8);
        Text(ref json, "safety_identifier"u8, fields.SafetyIdentifier);
        Text(ref json, "prompt_cache_key"u8, fields.PromptCacheKey);
    }

    private static void Text(ref JsonText json, ReadOnlySpan<byte> name, string? text)
    {
        json.Name(name);
        if (text is null)
            json.Null();
        else
            json.Value(text);
    }
}
