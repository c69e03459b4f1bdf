using System.Globalization;

namespace Chasqui.Cli;

/// <summary>
/// Reads a text from a terminal, as shells do: arrows, Home, End and the Control keys of Emacs edit it, up and down go through what was typed before. A line break that comes with
/// more behind it was pasted, and becomes part of the text; Alt-Enter makes one too.
/// </summary>
/// <param name="keys">What is typed.</param>
/// <param name="output">The terminal.</param>
/// <param name="width">Its columns.</param>
/// <param name="history">What was typed before.</param>
internal sealed class LineEditor(IKeySource keys, TextWriter output, Func<int> width, EditHistory history)
{
    private readonly Lock _lock = new();
    private readonly EditBuffer _buffer = new();
    private string _prompt = "";
    private Func<string, string> _paint = text => text;
    private string _draft = "";
    private int _place;
    private int _row;
    private bool _reading;

    /// <summary>Reads until Enter.</summary>
    /// <param name="prompt">Shown before it.</param>
    /// <param name="paint">Colours the prompt.</param>
    /// <returns>The text; null where Ctrl-D was typed and there was none, or the terminal is gone.</returns>
    public string? Read(string prompt, Func<string, string> paint)
    {
        lock (_lock)
        {
            (_prompt, _paint, _reading) = (prompt, paint, true);
            Begin();
        }
        while (true)
        {
            ConsoleKeyInfo key;
            try
            {
                key = keys.Read();
            }
            catch (InvalidOperationException)
            {
                return Finish(null);
            }
            lock (_lock)
            {
                if (key.Key == ConsoleKey.D && key.Modifiers == ConsoleModifiers.Control && _buffer.Text.Length == 0)
                    return Finish(null);
                if (key.Key == ConsoleKey.Enter && key.Modifiers == 0 && !keys.IsPending)
                {
                    _buffer.Set(_buffer.Text);
                    Draw();
                    history.Add(_buffer.Text);
                    return Finish(_buffer.Text);
                }
                Press(key);
                // A long paste is drawn once.
                if (!keys.IsPending)
                    Draw();
            }
        }
    }

    /// <summary>Drops what was typed, as Ctrl-C does, says something, and begins anew. Called from another thread.</summary>
    public void Restart(Action say)
    {
        lock (_lock)
        {
            if (_reading)
                output.WriteLine();
            say();
            if (_reading)
                Begin();
        }
    }

    private void Begin()
    {
        _buffer.Set("");
        (_draft, _place, _row) = ("", history.Texts.Count, 0);
        Draw();
    }

    private string? Finish(string? text)
    {
        lock (_lock)
        {
            _reading = false;
            output.WriteLine();
            output.Flush();
            return text;
        }
    }

    private void Press(ConsoleKeyInfo key)
    {
        var control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        var alt = key.Modifiers.HasFlag(ConsoleModifiers.Alt);
        switch (key.Key)
        {
            case ConsoleKey.Enter:
                _buffer.Insert("\n");
                break;
            case ConsoleKey.LeftArrow when control || alt:
            case ConsoleKey.B when alt:
                _buffer.WordLeft();
                break;
            case ConsoleKey.RightArrow when control || alt:
            case ConsoleKey.F when alt:
                _buffer.WordRight();
                break;
            case ConsoleKey.LeftArrow:
            case ConsoleKey.B when control:
                _buffer.Left();
                break;
            case ConsoleKey.RightArrow:
            case ConsoleKey.F when control:
                _buffer.Right();
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                _buffer.Home();
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                _buffer.End();
                break;
            case ConsoleKey.UpArrow:
            case ConsoleKey.P when control:
                Recall(_place - 1);
                break;
            case ConsoleKey.DownArrow:
            case ConsoleKey.N when control:
                Recall(_place + 1);
                break;
            case ConsoleKey.W when control:
            case ConsoleKey.Backspace when control || alt:
                _buffer.DeleteWord();
                break;
            case ConsoleKey.Backspace:
            case ConsoleKey.H when control:
                _buffer.Backspace();
                break;
            case ConsoleKey.Delete:
            case ConsoleKey.D when control:
                _buffer.Delete();
                break;
            case ConsoleKey.U when control:
                _buffer.DeleteToStart();
                break;
            case ConsoleKey.K when control:
                _buffer.DeleteToEnd();
                break;
            case ConsoleKey.L when control:
                output.Write("\e[H\e[2J");
                _row = 0;
                break;
            case ConsoleKey.J when control:
                _buffer.Insert("\n");
                break;
            default:
                if (key.KeyChar == '\n' || key.KeyChar == '\r')
                    _buffer.Insert("\n");
                else if (key.KeyChar == '\t' || (key.KeyChar != 0 && !char.IsControl(key.KeyChar)))
                    _buffer.Insert(key.KeyChar.ToString());
                break;
        }
    }

    /// <summary>Shows an earlier text; the one that was being typed stands after the last.</summary>
    private void Recall(int place)
    {
        if (place < 0 || place > history.Texts.Count)
            return;
        if (_place == history.Texts.Count)
            _draft = _buffer.Text;
        _place = place;
        _buffer.Set(place == history.Texts.Count ? _draft : history.Texts[place]);
    }

    private void Draw()
    {
        var layout = EditLayout.Of(_prompt, _buffer.Text, _buffer.Cursor, width());
        if (_row > 0)
            Move(_row, 'A');
        output.Write("\r\e[J");
        output.Write(_paint(_prompt));
        output.Write(string.Join("\r\n", layout.Lines)[_prompt.Length..]);
        Move(layout.Lines.Count - 1 - layout.Row, 'A');
        output.Write('\r');
        Move(layout.Column, 'C');
        output.Flush();
        _row = layout.Row;
    }

    private void Move(int count, char direction)
    {
        if (count > 0)
            output.Write(string.Create(CultureInfo.InvariantCulture, $"\e[{count}{direction}"));
    }
}
