using System.Buffers;

namespace Chasqui.OllamaDouble;

/// <summary><c>/v1/chat/completions</c> and <c>/v1/completions</c> (<c>openai/openai.go</c>).</summary>
internal sealed class OpenAiFormat(Generation request, TimeProvider time, bool chat) : AnswerFormat(request, time)
{
    private readonly string _id = (chat ? "chatcmpl-" : "cmpl-") + (NextId() % 999);
    private bool _started;
    private bool _called;

    public override void Piece(string text, bool thinking)
    {
        Open(Request.ModelText);
        if (chat)
        {
            Delta();
            Json.WriteString("content", thinking ? "" : text);
            if (thinking)
                Json.WriteString("reasoning", text);
            Json.WriteEndObject();
        }
        Close(chat ? null : text, null, [text]);
    }

    public override void Call(ToolCall call)
    {
        Open(Request.ModelText);
        Delta();
        Json.WriteString("content", "");
        Calls(call);
        Json.WriteEndObject();
        Close(null, null, []);
        _called = true;
    }

    // Recorded: the finish event, the usage event and [DONE] share one HTTP chunk.
    public override void Done(Answer answer, Cost cost)
    {
        Open(Request.ModelText);
        if (chat)
        {
            Json.WriteStartObject("delta");
            Json.WriteEndObject();
        }
        Close(chat ? null : "", _called ? "tool_calls" : answer.Reason, []);
        if (Request.IncludeUsage)
        {
            Buffer.Write("data: "u8);
            Head(Request.ModelText, ".chunk");
            Json.WriteStartArray("choices");
            Json.WriteEndArray();
            Usage(cost);
            Json.WriteEndObject();
            End("\n\n"u8);
        }
        Buffer.Write("data: [DONE]\n\n"u8);
    }

    public override void Whole(Answer answer, Cost cost, bool done)
    {
        Head(Request.ModelText, "");
        Json.WriteStartArray("choices");
        Json.WriteStartObject();
        if (chat)
        {
            Json.WriteNumber("index", 0);
            Json.WriteStartObject("message");
            Json.WriteString("role", "assistant");
            Json.WriteString("content", string.Concat(answer.Content));
            if (answer.Thinking.Length > 0)
                Json.WriteString("reasoning", string.Concat(answer.Thinking));
            if (answer.Call is { } call)
                Calls(call);
            Json.WriteEndObject();
        }
        else
        {
            Json.WriteString("text", string.Concat(answer.Content));
            Json.WriteNumber("index", 0);
        }
        Finish(!done ? null : answer.Call is null ? answer.Reason : "tool_calls");
        if (chat && Request.Logprobs)
            Logprobs([.. answer.Thinking, .. answer.Content]);
        Json.WriteEndObject();
        Json.WriteEndArray();
        Usage(cost);
        Json.WriteEndObject();
        End("\n"u8);
    }

    /// <summary>Recorded in <c>runner_killed_v1_chat_stream</c>: the error becomes an empty delta without a model, and there is no [DONE].</summary>
    public override void Fail(string message)
    {
        Open("");
        if (chat)
        {
            Json.WriteStartObject("delta");
            Json.WriteString("content", "");
            Json.WriteEndObject();
        }
        Close(chat ? null : "", null, []);
    }

    private void Delta()
    {
        Json.WriteStartObject("delta");
        if (!_started)
            Json.WriteString("role", "assistant");
        _started = true;
    }

    private void Open(string model)
    {
        Buffer.Write("data: "u8);
        Head(model, ".chunk");
        Json.WriteStartArray("choices");
        Json.WriteStartObject();
        if (chat)
            Json.WriteNumber("index", 0);
    }

    private void Close(string? text, string? reason, ReadOnlySpan<string> logprobs)
    {
        if (text is not null)
        {
            Json.WriteString("text", text);
            Json.WriteNumber("index", 0);
        }
        Finish(reason);
        if (chat && Request.Logprobs && logprobs.Length > 0)
            Logprobs(logprobs);
        Json.WriteEndObject();
        Json.WriteEndArray();
        Json.WriteEndObject();
        End("\n\n"u8);
    }

    private void Head(string model, string kind)
    {
        Begin();
        Json.WriteStartObject();
        Json.WriteString("id", _id);
        Json.WriteString("object", chat ? kind.Length > 0 ? "chat.completion.chunk" : "chat.completion" : "text_completion");
        Json.WriteNumber("created", UnixNow());
        Json.WriteString("model", model);
        Json.WriteString("system_fingerprint", "fp_ollama");
    }

    private void Finish(string? reason)
    {
        if (reason is null)
            Json.WriteNull("finish_reason");
        else
            Json.WriteString("finish_reason", reason);
    }

    private void Logprobs(ReadOnlySpan<string> tokens)
    {
        Json.WriteStartObject("logprobs");
        Json.WritePropertyName("content");
        WriteLogprobs(tokens);
        Json.WriteEndObject();
    }

    private void Calls(ToolCall call)
    {
        Json.WriteStartArray("tool_calls");
        Json.WriteStartObject();
        Json.WriteString("id", call.Id);
        Json.WriteNumber("index", 0);
        Json.WriteString("type", "function");
        Json.WriteStartObject("function");
        Json.WriteString("name", call.Name);
        Json.WriteString("arguments", call.Arguments);
        Json.WriteEndObject();
        Json.WriteEndObject();
        Json.WriteEndArray();
    }

    private void Usage(Cost cost)
    {
        if (!Request.Model.Script.CountsTokens)
            return;
        Json.WriteStartObject("usage");
        Json.WriteNumber("prompt_tokens", cost.PromptTokens);
        Json.WriteNumber("completion_tokens", cost.Tokens);
        Json.WriteNumber("total_tokens", cost.PromptTokens + cost.Tokens);
        Json.WriteEndObject();
    }
}
