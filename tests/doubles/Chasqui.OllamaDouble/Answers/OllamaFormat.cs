
namespace Chasqui.OllamaDouble;

/// <summary>Lines of <c>/api/generate</c> and <c>/api/chat</c> (<c>api/types.go</c>: GenerateResponse, ChatResponse).</summary>
internal sealed class OllamaFormat(Generation request, TimeProvider time, bool chat) : AnswerFormat(request, time)
{
    private const int ContextTokens = 16;

    public override string StreamType => "application/x-ndjson";

    public override string WholeType => "application/json; charset=utf-8";

    public override void Piece(string text, bool thinking)
    {
        Open();
        if (chat)
        {
            Json.WriteStartObject("message");
            Json.WriteString("role", "assistant");
        }
        Json.WriteString(chat ? "content" : "response", thinking ? "" : text);
        if (thinking)
            Json.WriteString("thinking", text);
        if (chat)
            Json.WriteEndObject();
        Json.WriteBoolean("done", false);
        if (Request.Logprobs)
        {
            Json.WritePropertyName("logprobs");
            WriteLogprobs([text]);
        }
        Close("\n"u8);
    }

    public override void Call(ToolCall call)
    {
        Open();
        Message("", "", call);
        Json.WriteBoolean("done", false);
        Close("\n"u8);
    }

    public override void Done(Answer answer, Cost cost)
    {
        Open();
        Message("", "", null);
        Json.WriteBoolean("done", true);
        Json.WriteString("done_reason", answer.Reason);
        Costs(answer, cost);
        Close("\n"u8);
    }

    public override void Whole(Answer answer, Cost cost, bool done)
    {
        Open();
        Message(string.Concat(answer.Content), string.Concat(answer.Thinking), answer.Call);
        Json.WriteBoolean("done", done);
        if (done)
            Json.WriteString("done_reason", answer.Reason);
        Costs(answer, cost);
        if (Request.Logprobs)
        {
            Json.WritePropertyName("logprobs");
            WriteLogprobs([.. answer.Thinking, .. answer.Content]);
        }
        Close([]);
    }

    /// <summary>The answer to a request without a prompt: reason <c>load</c> or <c>unload</c>.</summary>
    public void Loaded(string reason)
    {
        Open();
        Message("", "", null);
        Json.WriteBoolean("done", true);
        Json.WriteString("done_reason", reason);
        Close([]);
    }

    public override void Fail(string message)
    {
        Begin();
        Json.WriteStartObject();
        Json.WriteString("error", message);
        Close("\n"u8);
    }

    private void Open()
    {
        Begin();
        Json.WriteStartObject();
        Json.WriteString("model", Request.ModelText);
        Now("created_at");
    }

    private void Close(ReadOnlySpan<byte> after)
    {
        Json.WriteEndObject();
        End(after);
    }

    private void Message(string content, string thinking, ToolCall? call)
    {
        if (chat)
        {
            Json.WriteStartObject("message");
            Json.WriteString("role", "assistant");
        }
        Json.WriteString(chat ? "content" : "response", content);
        if (thinking.Length > 0)
            Json.WriteString("thinking", thinking);
        if (call is not null)
            Calls(call);
        if (chat)
            Json.WriteEndObject();
    }

    private void Calls(ToolCall call)
    {
        Json.WriteStartArray("tool_calls");
        Json.WriteStartObject();
        Json.WriteString("id", call.Id);
        Json.WriteStartObject("function");
        Json.WriteNumber("index", 0);
        Json.WriteString("name", call.Name);
        Json.WritePropertyName("arguments");
        Json.WriteRawValue(call.Arguments);
        Json.WriteEndObject();
        Json.WriteEndObject();
        Json.WriteEndArray();
    }

    private void Costs(Answer answer, Cost cost)
    {
        // The context is as long as the answer and a few tokens of the prompt, lest long prompts make long lines.
        if (!chat && !Request.Raw)
        {
            Json.WriteStartArray("context");
            for (var i = 0; i < Math.Min(cost.PromptTokens, ContextTokens) + answer.Tokens; i++)
                Json.WriteNumberValue(i + 1);
            Json.WriteEndArray();
        }
        Json.WriteNumber("total_duration", Cost.Nanoseconds(cost.Total));
        Json.WriteNumber("load_duration", Cost.Nanoseconds(cost.Load));
        Json.WriteNumber("prompt_eval_count", cost.PromptTokens);
        Json.WriteNumber("prompt_eval_duration", Cost.Nanoseconds(cost.Prompt));
        Json.WriteNumber("eval_count", cost.Tokens);
        Json.WriteNumber("eval_duration", Cost.Nanoseconds(cost.Eval));
    }
}
