using System.Text;

namespace Chasqui.Server;

/// <summary>The events of a response that is streamed, and the items that have come together.</summary>
internal sealed class ResponseStream(ResponseObject response, Sse events)
{
    private readonly List<ResponseItem> _completed = [];
    private readonly StringBuilder _text = new();
    private readonly List<TokenLogprob> _logprobs = [];
    private int _told;
    private Sse _events = events;
    private ResponseItem? _open;
    private long _sequence;
    private bool _begun;

    /// <summary>The events of an update.</summary>
    public void Add(GenerationUpdate update)
    {
        Begin();
        if (update.Thinking.Length > 0)
            AddThinking(update.Thinking);
        // Of tokens whose text is held back they come before it.
        if (update.Thinking.Length == 0)
            _logprobs.AddRange(update.Logprobs ?? []);
        if (update.Text.Length > 0)
            AddText(update.Text);
        if (update.ToolCalls is { } calls)
        {
            foreach (var call in FunctionCall.FromOllama(calls))
                AddCall(call);
        }
        if (update.Result is not null)
            Close();
    }

    /// <summary>The items that are complete.</summary>
    public IReadOnlyList<ResponseItem> Items => _completed;

    /// <summary>Ends the response.</summary>
    /// <param name="result">How it ended.</param>
    /// <param name="whole">The response, in JSON.</param>
    public void End(GenerationResult result, ReadOnlySpan<byte> whole)
    {
        var json = Event(ResponseObject.IsIncomplete(result) ? "response.incomplete"u8 : "response.completed"u8);
        json.Name("response"u8);
        json.Raw(whole);
        EndEvent(ref json);
    }

    /// <summary>Ends the response with an error, by events of a stream that is not otherwise in use.</summary>
    public void Fail(Sse last, ApiError error)
    {
        _events = last;
        Begin();
        var json = Event("response.failed"u8);
        json.Name("response"u8);
        response.WriteFailed(ref json, _completed, error);
        EndEvent(ref json);
    }

    private void Begin()
    {
        if (_begun)
            return;
        _begun = true;
        Whole("response.created"u8);
        Whole("response.in_progress"u8);

        void Whole(ReadOnlySpan<byte> name)
        {
            var json = Event(name);
            json.Name("response"u8);
            response.WriteBegun(ref json);
            EndEvent(ref json);
        }
    }

    private void AddThinking(string thinking)
    {
        if (_open is not ReasoningItem)
        {
            Close();
            var item = new ReasoningItem(response.NewItemId("rs_"), "");
            _open = item;
            var added = ItemEvent("response.output_item.added"u8);
            item.WriteBegun(ref added);
            EndEvent(ref added);
            SummaryPart("response.reasoning_summary_part.added"u8, "");
        }
        _text.Append(thinking);
        var json = SummaryEvent("response.reasoning_summary_text.delta"u8);
        json.Name("delta"u8);
        json.Value(thinking);
        EndEvent(ref json);
    }

    private void AddText(string text)
    {
        if (_open is not MessageItem)
        {
            Close();
            var item = new MessageItem(response.NewItemId("msg_"), "", []);
            _open = item;
            var added = ItemEvent("response.output_item.added"u8);
            item.WriteBegun(ref added);
            EndEvent(ref added);
            var part = PartEvent("response.content_part.added"u8);
            part.Name("part"u8);
            MessageItem.WritePart(ref part, "", []);
            EndEvent(ref part);
        }
        _text.Append(text);
        TextEvent("response.output_text.delta"u8, "delta"u8, text, _logprobs[_told..]);
        _told = _logprobs.Count;
    }

    private void AddCall(FunctionCall call)
    {
        Close();
        _open = response.Tools.ItemOf(response, call);
        var added = ItemEvent("response.output_item.added"u8);
        if (_open is CustomCallItem custom)
        {
            custom.Write(ref added, "in_progress", "");
            EndEvent(ref added);
            Said("response.custom_tool_call_input.delta"u8, "delta"u8, custom.Input);
            Said("response.custom_tool_call_input.done"u8, "input"u8, custom.Input);
        }
        else
        {
            ((FunctionCallItem)_open).Write(ref added, "in_progress", "");
            EndEvent(ref added);
            Said("response.function_call_arguments.delta"u8, "delta"u8, call.Arguments);
            Said("response.function_call_arguments.done"u8, "arguments"u8, call.Arguments);
        }
        Complete(_open);

        void Said(ReadOnlySpan<byte> name, ReadOnlySpan<byte> member, string text)
        {
            var json = PlaceEvent(name);
            json.Name(member);
            json.Value(text);
            EndEvent(ref json);
        }
    }

    /// <summary>Completes the item that is open.</summary>
    private void Close()
    {
        var text = _text.ToString();
        switch (_open)
        {
            case ReasoningItem item:
                var summary = SummaryEvent("response.reasoning_summary_text.done"u8);
                summary.Name("text"u8);
                summary.Value(text);
                EndEvent(ref summary);
                SummaryPart("response.reasoning_summary_part.done"u8, text);
                Complete(item with { Text = text });
                break;
            case MessageItem item:
                List<TokenLogprob> logprobs = [.. _logprobs];
                TextEvent("response.output_text.done"u8, "text"u8, text, logprobs);
                var part = PartEvent("response.content_part.done"u8);
                part.Name("part"u8);
                MessageItem.WritePart(ref part, text, logprobs);
                EndEvent(ref part);
                Complete(item with { Text = text, Logprobs = logprobs });
                _logprobs.Clear();
                _told = 0;
                break;
        }
    }

    private void Complete(ResponseItem item)
    {
        var json = ItemEvent("response.output_item.done"u8);
        item.Write(ref json);
        EndEvent(ref json);
        _completed.Add(item);
        _open = null;
        _text.Clear();
    }

    private void TextEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> member, string text, IReadOnlyList<TokenLogprob> logprobs)
    {
        var json = PartEvent(name);
        json.Name(member);
        json.Value(text);
        MessageItem.WriteLogprobs(ref json, logprobs);
        EndEvent(ref json);
    }

    private void SummaryPart(ReadOnlySpan<byte> name, string text)
    {
        var json = SummaryEvent(name);
        json.Name("part"u8);
        ReasoningItem.WritePart(ref json, text);
        EndEvent(ref json);
    }

    private JsonText SummaryEvent(ReadOnlySpan<byte> name)
    {
        var json = PlaceEvent(name);
        json.Name("summary_index"u8);
        json.Value(0L);
        return json;
    }

    private JsonText PartEvent(ReadOnlySpan<byte> name)
    {
        var json = PlaceEvent(name);
        json.Name("content_index"u8);
        json.Value(0L);
        return json;
    }

    /// <summary>An event that says where in the open item something happens.</summary>
    private JsonText PlaceEvent(ReadOnlySpan<byte> name)
    {
        var json = Event(name);
        json.Name("item_id"u8);
        json.Value(_open!.Id);
        json.Name("output_index"u8);
        json.Value((long)_completed.Count);
        return json;
    }

    /// <summary>An event that shows the whole item.</summary>
    private JsonText ItemEvent(ReadOnlySpan<byte> name)
    {
        var json = Event(name);
        json.Name("output_index"u8);
        json.Value((long)_completed.Count);
        json.Name("item"u8);
        return json;
    }

    private JsonText Event(ReadOnlySpan<byte> name)
    {
        var json = _events.Begin(name);
        json.BeginObject();
        json.Name("type"u8);
        Span<char> type = stackalloc char[name.Length];
        Encoding.ASCII.GetChars(name, type);
        json.Value(type);
        json.Name("sequence_number"u8);
        json.Value(_sequence++);
        return json;
    }

    private void EndEvent(ref JsonText json)
    {
        json.EndObject();
        _events.End();
    }
}
