namespace Chasqui.Server;

/// <summary>
/// Makes turns of the items of a response's input. All that the assistant thought, said and called with no other item between is one turn: thoughts between calls that
/// were made at once do not part them. A thought belongs to the turn that it precedes. One that no turn of the assistant follows is a turn of its own, so that it stays in
/// its place: it never moves behind what a user said.
/// </summary>
internal sealed class ResponseTurns
{
    private const string Parameter = "input";
    private const string Assistant = "assistant";

    private readonly List<ChatMessage> _messages = [];
    private readonly Dictionary<string, string> _tools = new(StringComparer.Ordinal);
    private readonly List<FunctionCall> _calls = [];

    /// <summary>The turn of the assistant that may still grow; null for none.</summary>
    private ChatMessage? _open;

    /// <summary>What was thought since the open turn said something; empty for nothing.</summary>
    private string _thinking = "";

    public void AddThinking(string thinking) => _thinking = Join(_thinking, thinking);

    public void AddCall(string id, string name, string arguments)
    {
        _open ??= new ChatMessage { Role = Assistant };
        TakeThinking();
        _calls.Add(new FunctionCall(id, _calls.Count, name, arguments));
        _tools[id] = name;
    }

    public void AddMessage(string role, string text, List<ReadOnlyMemory<byte>> images)
    {
        if (role != Assistant)
        {
            Close();
            _messages.Add(new ChatMessage { Role = role, Content = text, Images = images });
            return;
        }
        // Clients put what the assistant said behind the calls of the same turn, and the results must follow the calls. Without calls, two messages are two turns.
        if (_open is not null && _calls.Count == 0)
            Close(keepsThinking: true);
        _open ??= new ChatMessage { Role = Assistant };
        TakeThinking();
        _open = _open with { Content = Join(_open.Content, text), Images = [.. _open.Images, .. images] };
    }

    /// <summary>Adds what a tool gave back.</summary>
    public void AddResult(string callId, string output, List<ReadOnlyMemory<byte>> images)
    {
        // Results stand together: what was thought between two of them waits for what follows.
        Close(keepsThinking: true);
        _messages.Add(new ChatMessage { Role = "tool", Content = output, Images = images, ToolName = _tools.GetValueOrDefault(callId) });
    }

    /// <summary>All turns. Nothing may be added after it.</summary>
    public List<ChatMessage> End()
    {
        Close();
        return _messages;
    }

    private void Close(bool keepsThinking = false)
    {
        if (_open is not null)
        {
            // Nothing may stand between calls and their results.
            if (_calls.Count > 0)
                TakeThinking();
            _messages.Add(_open with { ToolCalls = FunctionCall.ToOllama(Parameter, _calls) });
            _calls.Clear();
            _open = null;
        }
        if (keepsThinking || _thinking.Length == 0)
            return;
        _messages.Add(new ChatMessage { Role = Assistant, Thinking = _thinking });
        _thinking = "";
    }

    private void TakeThinking()
    {
        if (_thinking.Length == 0)
            return;
        _open = _open! with { Thinking = Join(_open.Thinking ?? "", _thinking) };
        _thinking = "";
    }

    private static string Join(string before, string more) => before.Length > 0 && more.Length > 0 ? before + "\n" + more : before + more;
}
