using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary><c>/v1/responses</c> (<c>openai/responses.go</c>, <c>ResponsesStreamConverter</c>).</summary>
internal sealed class ResponsesFormat(Generation request, TimeProvider time) : AnswerFormat(request, time)
{
    private readonly string _id = "resp_" + NextId();
    private readonly string _item = "msg_" + NextId();
    private readonly string _reasoning = "rs_" + NextId();
    private readonly string _call = "fc_" + NextId();
    private readonly StringBuilder _thinking = new();
    private readonly StringBuilder _text = new();
    private int _sequence;
    private int _index;
    private bool _started;
    private bool _thinks;
    private bool _speaks;

    public override void Piece(string text, bool thinking)
    {
        Start();
        if (thinking)
        {
            if (!_thinks)
            {
                _thinks = true;
                Event("response.output_item.added", () => Json.WriteNumber("output_index", _index), () => Item(() => Reasoning("", false)));
            }
            _thinking.Append(text);
            Event("response.reasoning_summary_text.delta", () => Place(_reasoning, "summary_index"), () => Json.WriteString("delta", text));
            return;
        }
        StopThinking();
        if (!_speaks)
        {
            _speaks = true;
            Event("response.output_item.added", () => Json.WriteNumber("output_index", _index), () => Item(() => Message(null)));
            Event("response.content_part.added", () => Place(_item, "content_index"), () => { Json.WritePropertyName("part"); Part(""); });
        }
        _text.Append(text);
        Event("response.output_text.delta", () => Place(_item, "content_index"), () => { Json.WriteString("delta", text); Empty("logprobs"); });
    }

    public override void Call(ToolCall call)
    {
        Start();
        StopThinking();
        Event("response.output_item.added", () => Json.WriteNumber("output_index", _index), () => Item(() => Function(call, "in_progress", "")));
        Event("response.function_call_arguments.delta", () => Place(_call, null), () => Json.WriteString("delta", call.Arguments));
        Event("response.function_call_arguments.done", () => Place(_call, null), () => Json.WriteString("arguments", call.Arguments));
        Event("response.output_item.done", () => Json.WriteNumber("output_index", _index), () => Item(() => Function(call, "completed", call.Arguments)));
    }

    public override void Done(Answer answer, Cost cost)
    {
        Start();
        StopThinking();
        if (_speaks)
        {
            var text = _text.ToString();
            Event("response.output_text.done", () => Place(_item, "content_index"), () => { Json.WriteString("text", text); Empty("logprobs"); });
            Event("response.content_part.done", () => Place(_item, "content_index"), () => { Json.WritePropertyName("part"); Part(text); });
            Event("response.output_item.done", () => Json.WriteNumber("output_index", _index), () => Item(() => Message(text)));
        }
        Event("response.completed", () => Json.WritePropertyName("response"), () => Response("completed", answer, cost));
    }

    public override void Whole(Answer answer, Cost cost, bool done)
    {
        Begin();
        Response(done ? "completed" : "in_progress", answer, cost);
        End("\n"u8);
    }

    private void Start()
    {
        if (_started)
            return;
        _started = true;
        Event("response.created", () => Json.WritePropertyName("response"), () => Response("in_progress", null, default));
        Event("response.in_progress", () => Json.WritePropertyName("response"), () => Response("in_progress", null, default));
    }

    private void StopThinking()
    {
        if (!_thinks)
            return;
        _thinks = false;
        var text = _thinking.ToString();
        Event("response.reasoning_summary_text.done", () => Place(_reasoning, "summary_index"), () => Json.WriteString("text", text));
        Event("response.output_item.done", () => Json.WriteNumber("output_index", _index), () => Item(() => Reasoning(text, true)));
        _index++;
    }

    private void Event(string name, Action first, Action second)
    {
        Buffer.Write("event: "u8);
        Encoding.UTF8.GetBytes(name, Buffer);
        Buffer.Write("\ndata: "u8);
        Begin();
        Json.WriteStartObject();
        first();
        second();
        Json.WriteNumber("sequence_number", _sequence++);
        Json.WriteString("type", name);
        Json.WriteEndObject();
        End("\n\n"u8);
    }

    private void Place(string item, string? index)
    {
        Json.WriteString("item_id", item);
        Json.WriteNumber("output_index", _index);
        if (index is not null)
            Json.WriteNumber(index, 0);
    }

    private void Item(Action write)
    {
        Json.WritePropertyName("item");
        write();
    }

    private void Empty(string name)
    {
        Json.WriteStartArray(name);
        Json.WriteEndArray();
    }

    private void Reasoning(string text, bool done)
    {
        Json.WriteStartObject();
        Json.WriteString("id", _reasoning);
        Json.WriteString("type", "reasoning");
        Json.WriteStartArray("summary");
        if (done)
        {
            Json.WriteStartObject();
            Json.WriteString("type", "summary_text");
            Json.WriteString("text", text);
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
        if (done)
            Json.WriteString("encrypted_content", text);
        Json.WriteEndObject();
    }

    private void Message(string? text)
    {
        Json.WriteStartObject();
        Json.WriteString("id", _item);
        Json.WriteString("type", "message");
        Json.WriteString("status", text is null ? "in_progress" : "completed");
        Json.WriteString("role", "assistant");
        Json.WriteStartArray("content");
        if (text is not null)
            Part(text);
        Json.WriteEndArray();
        Json.WriteEndObject();
    }

    private void Part(string text)
    {
        Json.WriteStartObject();
        Json.WriteString("type", "output_text");
        Json.WriteString("text", text);
        Empty("annotations");
        Empty("logprobs");
        Json.WriteEndObject();
    }

    private void Function(ToolCall call, string status, string arguments)
    {
        Json.WriteStartObject();
        Json.WriteString("id", _call);
        Json.WriteString("type", "function_call");
        Json.WriteString("status", status);
        Json.WriteString("call_id", call.Id);
        Json.WriteString("name", call.Name);
        Json.WriteString("arguments", arguments);
        Json.WriteEndObject();
    }

    private void Response(string status, Answer? answer, Cost cost)
    {
        var asked = Request.Request;
        Json.WriteStartObject();
        Json.WriteString("id", _id);
        Json.WriteString("object", "response");
        Json.WriteNumber("created_at", UnixNow());
        if (answer is null)
            Json.WriteNull("completed_at");
        else
            Json.WriteNumber("completed_at", UnixNow());
        Json.WriteString("status", status);
        Json.WriteNull("incomplete_details");
        Json.WriteString("model", Request.ModelText);
        Json.WriteNull("previous_response_id");
        Copy("instructions", asked.Get("instructions"), "null");
        Json.WriteStartArray("output");
        if (answer is not null)
            Output(answer);
        Json.WriteEndArray();
        Json.WriteNull("error");
        Copy("tools", asked.Get("tools"), "[]");
        Json.WriteString("tool_choice", "auto");
        Copy("truncation", asked.Get("truncation"), "\"disabled\"");
        Json.WriteBoolean("parallel_tool_calls", true);
        Copy("text", asked.Get("text"), "{\"format\":{\"type\":\"text\"}}");
        Copy("top_p", asked.Get("top_p"), "1");
        Json.WriteNumber("presence_penalty", 0);
        Json.WriteNumber("frequency_penalty", 0);
        Json.WriteNumber("top_logprobs", 0);
        Copy("temperature", asked.Get("temperature"), "1");
        Copy("reasoning", asked.Get("reasoning"), "null");
        if (answer is null)
            Json.WriteNull("usage");
        else
            Usage(cost);
        Copy("max_output_tokens", asked.Get("max_output_tokens"), "null");
        Json.WriteNull("max_tool_calls");
        Json.WriteBoolean("store", false);
        Json.WriteBoolean("background", false);
        Json.WriteString("service_tier", "default");
        Json.WriteStartObject("metadata");
        Json.WriteEndObject();
        Json.WriteNull("safety_identifier");
        Json.WriteNull("prompt_cache_key");
        Json.WriteEndObject();
    }

    private void Output(Answer answer)
    {
        if (answer.Thinking.Length > 0)
            Reasoning(string.Concat(answer.Thinking), true);
        if (answer.Call is { } call)
            Function(call, "completed", call.Arguments);
        else if (answer.Content.Length > 0 || answer.Thinking.Length == 0)
            Message(string.Concat(answer.Content));
    }

    private void Usage(Cost cost)
    {
        Json.WriteStartObject("usage");
        Json.WriteNumber("input_tokens", cost.PromptTokens);
        Json.WriteNumber("output_tokens", cost.Tokens);
        Json.WriteNumber("total_tokens", cost.PromptTokens + cost.Tokens);
        Json.WriteStartObject("input_tokens_details");
        Json.WriteNumber("cached_tokens", 0);
        Json.WriteEndObject();
        Json.WriteStartObject("output_tokens_details");
        Json.WriteNumber("reasoning_tokens", 0);
        Json.WriteEndObject();
        Json.WriteEndObject();
    }

    private void Copy(string name, JsonElement? value, string otherwise)
    {
        Json.WritePropertyName(name);
        Json.WriteRawValue(value?.GetRawText() ?? otherwise);
    }
}
