using System.Text;

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

    // The turn of the assistant that may still grow. Builders, since it may be made of a great many parts.
    private readonly StringBuilder _content = new();
    private readonly StringBuilder _thought = new();
    private List<ReadOnlyMemory<byte>> _images = [];
    private bool _isOpen;

    /// <summary>What was thought since the open turn said something; empty for nothing.</summary>
    private readonly StringBuilder _thinking = new();

    public void AddThinking(string thinking) => Append(_thinking, thinking);

    public void AddCall(string id, string name, string arguments)
    {
        Open();
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
        if (_isOpen && _calls.Count == 0)
            Close(keepsThinking: true);
        Open();
        Append(_content, text);
        _images.AddRange(images);
    }

    /// <summary>Adds what a tool gave back.</summary>
    public void AddResult(string callId, string output, List<ReadOnlyMemory<byte>> images)
    {
        // Results stand together: what was thought between two of them waits for what follows.
        Close(keepsThinking: true);
        _messages.Add(new ChatMessage
        {
            Role = "tool",
            Content = output,
            Images = images,
            ToolName = _tools.GetValueOrDefault(callId),
            ToolCallId = callId.Length == 0 ? null : callId,
        });
    }

    /// <summary>All turns. Nothing may be added after it.</summary>
    public List<ChatMessage> End()
    {
        Close();
        return _messages;
    }

    private void Close(bool keepsThinking = false)
    {
        if (_isOpen)
        {
            // Nothing may stand between calls and their results.
            if (_calls.Count > 0)
                TakeThinking();
            _messages.Add(new ChatMessage
            {
                Role = Assistant,
                Content = Take(_content),
                Thinking = _thought.Length == 0 ? null : Take(_thought),
                Images = _images,
                ToolCalls = FunctionCall.ToOllama(Parameter, _calls),
            });
            _calls.Clear();
            _images = [];
            _isOpen = false;
        }
        if (!keepsThinking && _thinking.Length > 0)
            _messages.Add(new ChatMessage { Role = Assistant, Thinking = Take(_thinking) });
    }

    private void Open()
    {
        _isOpen = true;
        TakeThinking();
    }

    private void TakeThinking()
    {
        if (_thinking.Length > 0)
            Append(_thought, Take(_thinking));
    }

    private static string Take(StringBuilder text)
    {
        var taken = text.ToString();
        text.Clear();
        return taken;
    }

    private static void Append(StringBuilder before, string more)
    {
        if (before.Length > 0 && more.Length > 0)
            before.Append('\n');
        before.Append(more);
    }
}
