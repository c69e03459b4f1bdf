using System.Globalization;

namespace Chasqui.Cli;

/// <summary>Text with a cursor, which moves by characters as people count them. Not thread-safe.</summary>
internal sealed class EditBuffer
{
    /// <summary>Most characters; what is typed or pasted beyond is dropped.</summary>
    public const int MaxLength = 1 << 20;

    public string Text { get; private set; } = "";

    /// <summary>Where the next character goes, from 0.</summary>
    public int Cursor { get; private set; }

    public void Set(string text)
    {
        Text = text;
        Cursor = text.Length;
    }

    public void Insert(string text)
    {
        if (Text.Length + text.Length > MaxLength)
            return;
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Left() => Cursor = Before(Cursor);

    public void Right() => Cursor = After(Cursor);

    public void WordLeft() => Cursor = WordStart();

    public void WordRight()
    {
        while (Cursor < Text.Length && char.IsWhiteSpace(Text[Cursor]))
            Cursor++;
        while (Cursor < Text.Length && !char.IsWhiteSpace(Text[Cursor]))
            Cursor++;
    }

    /// <summary>To the beginning of the line that the cursor is in.</summary>
    public void Home() => Cursor = LineStart();

    /// <summary>To its end.</summary>
    public void End() => Cursor = LineEnd();

    public void Backspace() => Remove(Before(Cursor), Cursor);

    public void Delete() => Remove(Cursor, After(Cursor));

    public void DeleteWord() => Remove(WordStart(), Cursor);

    public void DeleteToStart() => Remove(LineStart(), Cursor);

    public void DeleteToEnd() => Remove(Cursor, LineEnd());

    private int LineStart() => Cursor == 0 ? 0 : Text.LastIndexOf('\n', Cursor - 1) + 1;

    private int LineEnd() => Text.IndexOf('\n', Cursor) is >= 0 and var at ? at : Text.Length;

    private int WordStart()
    {
        var at = Cursor;
        while (at > 0 && char.IsWhiteSpace(Text[at - 1]))
            at--;
        while (at > 0 && !char.IsWhiteSpace(Text[at - 1]))
            at--;
        return at;
    }

    private int After(int at) => at >= Text.Length ? at : at + StringInfo.GetNextTextElementLength(Text, at);

    /// <summary>The start of the text element that ends at a place; elements can only be found from the beginning of a line.</summary>
    private int Before(int at)
    {
        if (at == 0)
            return 0;
        var start = at == 1 ? 0 : Text.LastIndexOf('\n', at - 2) + 1;
        while (After(start) < at)
            start = After(start);
        return start;
    }

    private void Remove(int from, int to)
    {
        Text = Text.Remove(from, to - from);
        Cursor = from;
    }
}
