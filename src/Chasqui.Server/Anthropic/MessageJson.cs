using System.Buffers;
using System.Text;

namespace Chasqui.Server;

/// <summary>Messages in Anthropic's form; the order of members is that of Ollama's answers.</summary>
internal static class MessageJson
{
    /// <summary>A whole answer, with the line break that Ollama ends it by.</summary>
    public static void WriteWhole(ArrayBufferWriter<byte> buffer, string model, GatheredAnswer answer, GenerationResult result)
    {
        var json = new JsonText(buffer);
        Head(ref json, model);
        if (answer.Thinking.Length > 0)
        {
            json.BeginObject();
            Thinking(ref json, answer.Thinking, ThinkingSignature.Of(answer.Thinking));
            json.EndObject();
        }
        if (answer.Text.Length > 0)
        {
            json.BeginObject();
            Text(ref json, answer.Text);
            json.EndObject();
        }
        var calls = answer.ToolCalls ?? [];
        foreach (var call in calls)
            ToolUse(ref json, AnthropicCall.From(call!), whole: true);
        json.EndArray();
        Stop(ref json, StopReason(result, calls.Count > 0));
        Usage(ref json, result, answer.PromptTokens > 0);
        SessionFields.Write(ref json, result);
        json.EndObject();
        buffer.Write("\n"u8);
    }

    /// <summary>The message that a stream begins with: nothing said yet.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="model">The model as it was asked for.</param>
    /// <param name="prompt">Tokens of the prompt, exactly or about.</param>
    public static void WriteStart(ref JsonText json, string model, int prompt)
    {
        Head(ref json, model);
        json.EndArray();
        Stop(ref json, null);
        Usage(ref json, prompt, 0, 0);
        json.EndObject();
    }

    public static void Thinking(ref JsonText json, string text, string signature)
    {
        Member(ref json, "type"u8, "thinking");
        Member(ref json, "thinking"u8, text);
        Member(ref json, "signature"u8, signature);
    }

    public static void Text(ref JsonText json, string text)
    {
        Member(ref json, "type"u8, "text");
        Member(ref json, "text"u8, text);
    }

    /// <param name="json">Where to.</param>
    /// <param name="call">The call.</param>
    /// <param name="whole">With its input; a stream tells that afterwards.</param>
    public static void ToolUse(ref JsonText json, AnthropicCall call, bool whole)
    {
        json.BeginObject();
        Member(ref json, "type"u8, "tool_use");
        Member(ref json, "id"u8, call.Id);
        Member(ref json, "name"u8, call.Name);
        json.Name("input"u8);
        json.Raw(whole ? Encoding.UTF8.GetBytes(call.Input) : "{}"u8);
        // The model itself, not a program of Anthropic's; their clients require it.
        json.Name("caller"u8);
        json.Raw("{\"type\":\"direct\"}"u8);
        json.EndObject();
    }

    /// <summary>Both members, <c>null</c> for nothing, as Anthropic's clients expect them.</summary>
    public static void Stop(ref JsonText json, string? reason)
    {
        json.Name("stop_reason"u8);
        if (reason is null)
            json.Null();
        else
            json.Value(reason);
        // An engine does not tell which text ended an answer, and Ollama does not either.
        json.Name("stop_sequence"u8);
        json.Null();
    }

    /// <summary>What an answer took.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="counts">Whether the engine counted the prompt before it answered: its own cache is not told then, so that the input is what count_tokens says.</param>
    public static void Usage(ref JsonText json, GenerationResult result, bool counts) =>
        Usage(ref json, result.PromptTokens, counts ? 0 : result.CachedPromptTokens, result.CompletionTokens);

    /// <param name="json">Where to.</param>
    /// <param name="prompt">Tokens of the whole prompt.</param>
    /// <param name="cached">Those of them that were found computed, which Anthropic counts beside the input and not in it; told only where there are any.</param>
    /// <param name="output">Tokens of the answer.</param>
    private static void Usage(ref JsonText json, int prompt, int cached, int output)
    {
        json.Name("usage"u8);
        json.BeginObject();
        json.Name("input_tokens"u8);
        json.Value((long)Math.Max(0, prompt - cached));
        if (cached > 0)
        {
            json.Name("cache_creation_input_tokens"u8);
            json.Value(0L);
            json.Name("cache_read_input_tokens"u8);
            json.Value((long)cached);
        }
        json.Name("output_tokens"u8);
        json.Value((long)output);
        json.EndObject();
    }

    public static string StopReason(GenerationResult result, bool calls) =>
        calls ? "tool_use" : result.Reason == FinishReason.Length ? "max_tokens" : "end_turn";

    public static void Member(ref JsonText json, ReadOnlySpan<byte> name, string value)
    {
        json.Name(name);
        json.Value(value);
    }

    /// <summary>As far as the first block of <c>content</c>.</summary>
    private static void Head(ref JsonText json, string model)
    {
        json.BeginObject();
        Member(ref json, "id"u8, AnthropicId.New("msg_"));
        Member(ref json, "type"u8, "message");
        Member(ref json, "role"u8, "assistant");
        Member(ref json, "model"u8, model);
        json.Name("content"u8);
        json.BeginArray();
    }
}
