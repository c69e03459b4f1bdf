using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Chasqui.OllamaDouble;

/// <summary><c>/v1/messages</c> (<c>anthropic/anthropic.go</c>, <c>StreamConverter.Process</c>).</summary>
internal sealed class MessagesFormat(Generation request, TimeProvider time) : AnswerFormat(request, time)
{
    private readonly string _id = Id("msg_");
    private int _index = -1;
    private string? _open;
    private bool _started;

    public static string Id(string prefix) => prefix + RandomNumberGenerator.GetHexString(24, lowercase: true);

    public override void Piece(string text, bool thinking)
    {
        Block(thinking ? "thinking" : "text");
        Event("content_block_delta");
        Json.WriteNumber("index", _index);
        Json.WriteStartObject("delta");
        Json.WriteString("type", thinking ? "thinking_delta" : "text_delta");
        Json.WriteString(thinking ? "thinking" : "text", text);
        Json.WriteEndObject();
        Close();
    }

    public override void Call(ToolCall call)
    {
        Start();
        Stop();
        _index++;
        _open = "tool_use";
        Event("content_block_start");
        Json.WriteNumber("index", _index);
        Json.WriteStartObject("content_block");
        Json.WriteString("type", "tool_use");
        Json.WriteString("id", call.Id);
        Json.WriteString("name", call.Name);
        Json.WriteStartObject("input");
        Json.WriteEndObject();
        Json.WriteEndObject();
        Close();
        Event("content_block_delta");
        Json.WriteNumber("index", _index);
        Json.WriteStartObject("delta");
        Json.WriteString("type", "input_json_delta");
        Json.WriteString("partial_json", call.Arguments);
        Json.WriteEndObject();
        Close();
        Stop();
    }

    public override void Done(Answer answer, Cost cost)
    {
        Start();
        Stop();
        Event("message_delta");
        Json.WriteStartObject("delta");
        Json.WriteString("stop_reason", Reason(answer));
        Json.WriteEndObject();
        Usage(cost.PromptTokens, cost.Tokens);
        Close();
        Event("message_stop");
        Close();
    }

    public override void Whole(Answer answer, Cost cost, bool done)
    {
        Begin();
        Json.WriteStartObject();
        Message();
        Json.WriteStartArray("content");
        if (answer.Thinking.Length > 0)
            TextBlock("thinking", string.Concat(answer.Thinking));
        if (answer.Content.Length > 0)
            TextBlock("text", string.Concat(answer.Content));
        if (answer.Call is { } call)
        {
            Json.WriteStartObject();
            Json.WriteString("type", "tool_use");
            Json.WriteString("id", call.Id);
            Json.WriteString("name", call.Name);
            Json.WritePropertyName("input");
            Json.WriteRawValue(call.Arguments);
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
        if (done)
            Json.WriteString("stop_reason", Reason(answer));
        Usage(cost.PromptTokens, cost.Tokens);
        Json.WriteEndObject();
        End("\n"u8);
    }

    private static string Reason(Answer answer) => answer.Call is not null ? "tool_use" : answer.Reason == "length" ? "max_tokens" : "end_turn";

    private void Start()
    {
        if (_started)
            return;
        _started = true;
        Event("message_start");
        Json.WriteStartObject("message");
        Message();
        Json.WriteStartArray("content");
        Json.WriteEndArray();
        // An estimate (recorded as 2 where the end says 17).
        Usage(Words.CountTokens(Request.LastUser), 0);
        Json.WriteEndObject();
        Close();
    }

    private void Block(string kind)
    {
        Start();
        if (_open == kind)
            return;
        Stop();
        _index++;
        _open = kind;
        Event("content_block_start");
        Json.WriteNumber("index", _index);
        Json.WritePropertyName("content_block");
        TextBlock(kind, "");
        Close();
    }

    private void Stop()
    {
        if (_open is null)
            return;
        Event("content_block_stop");
        Json.WriteNumber("index", _index);
        Close();
        _open = null;
    }

    private void TextBlock(string kind, string text)
    {
        Json.WriteStartObject();
        Json.WriteString("type", kind);
        Json.WriteString(kind, text);
        Json.WriteEndObject();
    }

    private void Message()
    {
        Json.WriteString("id", _id);
        Json.WriteString("type", "message");
        Json.WriteString("role", "assistant");
        Json.WriteString("model", Request.ModelText);
    }

    private void Usage(int input, int output)
    {
        Json.WriteStartObject("usage");
        Json.WriteNumber("input_tokens", input);
        Json.WriteNumber("output_tokens", output);
        Json.WriteEndObject();
    }

    private void Event(string name)
    {
        Buffer.Write("event: "u8);
        Encoding.UTF8.GetBytes(name, Buffer);
        Buffer.Write("\ndata: "u8);
        Begin();
        Json.WriteStartObject();
        Json.WriteString("type", name);
    }

    private void Close()
    {
        Json.WriteEndObject();
        End("\n\n"u8);
    }
}
