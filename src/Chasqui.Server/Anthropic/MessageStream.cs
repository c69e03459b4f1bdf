namespace Chasqui.Server;

/// <summary>
/// An answer as events: <c>message_start</c>, blocks of content one after another, each with its start, its pieces and its stop,
/// <c>message_delta</c> with the reason of the end, <c>message_stop</c>. Each event is flushed on its own. For one answer.
/// </summary>
internal sealed class MessageStream(Sse events, string model, int estimate) : IDisposable
{
    private readonly ThinkingSignature _signature = new();
    private Block _open;
    private int _index;
    private bool _begun;
    private int _prompt;
    private bool _called;

    private enum Block
    {
        None,
        Thinking,
        Text,
    }

    /// <summary>Sends the events of one update; those of the end with the last.</summary>
    public async ValueTask SendAsync(GenerationUpdate update)
    {
        if (!_begun)
        {
            _begun = true;
            Begin(update);
            await events.SendAsync().ConfigureAwait(false);
        }
        if (update.Thinking.Length > 0)
            await SendPieceAsync(Block.Thinking, update.Thinking).ConfigureAwait(false);
        if (update.Text.Length > 0)
            await SendPieceAsync(Block.Text, update.Text).ConfigureAwait(false);
        if (update.ToolCalls is { } calls)
        {
            foreach (var call in calls.EnumerateArray())
                await SendCallAsync(AnthropicCall.From(call)).ConfigureAwait(false);
        }
        if (update.Result is { } result)
            await EndAsync(result).ConfigureAwait(false);
    }

    private async ValueTask SendPieceAsync(Block block, string piece)
    {
        if (_open != block)
        {
            await CloseAsync().ConfigureAwait(false);
            Open(block);
            await events.SendAsync().ConfigureAwait(false);
        }
        if (block == Block.Thinking)
            _signature.Add(piece);
        var (type, member) = block == Block.Thinking ? ("thinking_delta", "thinking") : ("text_delta", "text");
        Delta(type, member, piece);
        await events.SendAsync().ConfigureAwait(false);
    }

    private async ValueTask SendCallAsync(AnthropicCall call)
    {
        await CloseAsync().ConfigureAwait(false);
        _called = true;
        OpenCall(call);
        await events.SendAsync().ConfigureAwait(false);
        Delta("input_json_delta", "partial_json", call.Input);
        await events.SendAsync().ConfigureAwait(false);
        Stop();
        await events.SendAsync().ConfigureAwait(false);
    }

    private async ValueTask EndAsync(GenerationResult result)
    {
        await CloseAsync().ConfigureAwait(false);
        End(MessageJson.StopReason(result, _called), result);
        await events.SendAsync().ConfigureAwait(false);
        var json = Event("message_stop"u8, "message_stop");
        json.EndObject();
        events.End();
        await events.SendAsync().ConfigureAwait(false);
    }

    private async ValueTask CloseAsync()
    {
        if (_open == Block.None)
            return;
        if (_open == Block.Thinking)
        {
            Delta("signature_delta", "signature", _signature.Take());
            await events.SendAsync().ConfigureAwait(false);
        }
        _open = Block.None;
        Stop();
        await events.SendAsync().ConfigureAwait(false);
    }

    private void Begin(GenerationUpdate first)
    {
        _prompt = first.PromptTokens;
        var prompt = _prompt > 0 ? _prompt : first.Result?.PromptTokens ?? estimate;
        var json = Event("message_start"u8, "message_start");
        json.Name("message"u8);
        MessageJson.WriteStart(ref json, model, prompt);
        json.EndObject();
        events.End();
    }

    private void Open(Block block)
    {
        _open = block;
        var json = BlockEvent("content_block_start"u8, "content_block_start");
        json.Name("content_block"u8);
        json.BeginObject();
        if (block == Block.Thinking)
            MessageJson.Thinking(ref json, "", "");
        else
            MessageJson.Text(ref json, "");
        json.EndObject();
        json.EndObject();
        events.End();
    }

    private void OpenCall(AnthropicCall call)
    {
        var json = BlockEvent("content_block_start"u8, "content_block_start");
        json.Name("content_block"u8);
        MessageJson.ToolUse(ref json, call, whole: false);
        json.EndObject();
        events.End();
    }

    private void Delta(string type, string member, string piece)
    {
        var json = BlockEvent("content_block_delta"u8, "content_block_delta");
        json.Name("delta"u8);
        json.BeginObject();
        MessageJson.Member(ref json, "type"u8, type);
        json.Name(member);
        json.Value(piece);
        json.EndObject();
        json.EndObject();
        events.End();
    }

    private void Stop()
    {
        var json = BlockEvent("content_block_stop"u8, "content_block_stop");
        json.EndObject();
        events.End();
        _index++;
    }

    private void End(string reason, GenerationResult result)
    {
        var json = Event("message_delta"u8, "message_delta");
        json.Name("delta"u8);
        json.BeginObject();
        MessageJson.Stop(ref json, reason);
        json.EndObject();
        MessageJson.Usage(ref json, result, _prompt > 0);
        SessionFields.Write(ref json, result);
        json.EndObject();
        events.End();
    }

    private JsonText BlockEvent(ReadOnlySpan<byte> name, string type)
    {
        var json = Event(name, type);
        json.Name("index"u8);
        json.Value((long)_index);
        return json;
    }

    private JsonText Event(ReadOnlySpan<byte> name, string type)
    {
        var json = events.Begin(name);
        json.BeginObject();
        MessageJson.Member(ref json, "type"u8, type);
        return json;
    }

    public void Dispose() => _signature.Dispose();
}
