namespace Chasqui.Cli.Tests;

/// <summary>Keys that a test types: characters as they are, and names in angle brackets such as <c>&lt;Left&gt;</c>, <c>&lt;C-a&gt;</c> or <c>&lt;Enter&gt;</c>. What stands between two
/// Enters comes key by key; a break within a paste is <c>\n</c>, behind which more is waiting already.</summary>
internal sealed class ScriptedKeys : IKeySource
{
    private readonly Queue<(ConsoleKeyInfo Key, bool IsPending)> _keys = new();

    public ScriptedKeys(string script)
    {
        for (var i = 0; i < script.Length; i++)
        {
            if (script[i] == '<')
            {
                var end = script.IndexOf('>', i);
                _keys.Enqueue((Named(script[(i + 1)..end]), false));
                i = end;
            }
            else if (script[i] == '\n')
            {
                _keys.Enqueue((new ConsoleKeyInfo('\r', ConsoleKey.Enter, false, false, false), true));
            }
            else
            {
                _keys.Enqueue((new ConsoleKeyInfo(script[i], 0, false, false, false), false));
            }
        }
    }

    public bool IsPending { get; private set; }

    public ConsoleKeyInfo Read()
    {
        if (!_keys.TryDequeue(out var next))
            throw new InvalidOperationException("the terminal is gone");
        IsPending = next.IsPending;
        return next.Key;
    }

    private static ConsoleKeyInfo Named(string name)
    {
        var control = name.StartsWith("C-", StringComparison.Ordinal);
        var alt = name.StartsWith("M-", StringComparison.Ordinal);
        var key = control || alt ? name[2..] : name;
        return key.Length == 1
            ? new ConsoleKeyInfo(control ? (char)(key[0] - 'a' + 1) : key[0], ConsoleKey.A + (key[0] - 'a'), false, alt, control)
            : new ConsoleKeyInfo(
                key == "Enter" ? '\r' : '\0',
                key switch { "Left" => ConsoleKey.LeftArrow, "Right" => ConsoleKey.RightArrow, "Up" => ConsoleKey.UpArrow, "Down" => ConsoleKey.DownArrow, "BS" => ConsoleKey.Backspace, "Del" => ConsoleKey.Delete, _ => Enum.Parse<ConsoleKey>(key) },
                false, alt, control);
    }
}
