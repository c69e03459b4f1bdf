using System.Globalization;
using System.Text;

namespace Chasqui.Cli;

/// <summary>A prompt and a text as lines of a terminal, and where in them the cursor is.</summary>
/// <param name="Lines">The lines, none as wide as the terminal.</param>
/// <param name="Row">The cursor's line, from 0.</param>
/// <param name="Column">Its column, from 0.</param>
internal sealed record EditLayout(IReadOnlyList<string> Lines, int Row, int Column)
{
    /// <summary>Lays text out behind a prompt; further lines of the text are indented as far.</summary>
    public static EditLayout Of(string prompt, string text, int cursor, int width)
    {
        var most = Math.Max(prompt.Length + 4, width - 1);
        var indent = new string(' ', prompt.Length);
        var lines = new List<string>();
        var line = new StringBuilder(prompt);
        var (row, column, used) = (0, prompt.Length, prompt.Length);
        for (var i = 0; i < text.Length;)
        {
            if (i == cursor)
                (row, column) = (lines.Count, used);
            var length = StringInfo.GetNextTextElementLength(text, i);
            var element = text.Substring(i, length);
            i += length;
            if (element is "\n" or "\r\n")
            {
                Next();
                continue;
            }
            // What has no form of its own is shown as a space, and sent as it is.
            var shown = char.IsControl(element[0]) ? " " : element;
            var cells = Math.Max(1, Cells.Of(shown));
            if (used + cells > most)
            {
                Next();
                if (i - length == cursor)
                    (row, column) = (lines.Count, used);
            }
            line.Append(shown);
            used += cells;
        }
        if (cursor >= text.Length)
            (row, column) = (lines.Count, used);
        lines.Add(line.ToString());
        return new EditLayout(lines, row, column);

        void Next()
        {
            lines.Add(line.ToString());
            line.Clear().Append(indent);
            used = prompt.Length;
        }
    }
}
