using System.Text;
using System.Text.RegularExpressions;

namespace Chasqui.Cli;

/// <summary>Wraps whole sentences at words. What is copied stays whole: keys, ids, addresses, paths, and commands in quotes.</summary>
internal static partial class Paragraph
{
    /// <param name="text">One line.</param>
    /// <param name="width">Columns of the terminal.</param>
    /// <param name="indent">Columns before each line but the first; what stands in the first one above it stays as it is.</param>
    public static string Wrap(string text, int width, int indent = 0)
    {
        var most = Math.Max(40, width);
        if (Cells.Of(text) <= most)
            return text;
        var lines = new StringBuilder(text.Length + 8);
        var head = Math.Min(indent, text.Length);
        lines.Append(text, 0, head);
        var column = head;
        foreach (Match word in Words().Matches(text[head..]))
        {
            var cells = Cells.Of(word.Value);
            if (column > indent && column + 1 + cells > most)
            {
                lines.Append('\n').Append(' ', indent);
                column = indent;
            }
            else if (column > indent)
            {
                lines.Append(' ');
                column++;
            }
            lines.Append(word.Value);
            column += cells;
        }
        return lines.ToString();
    }

    /// <summary>A command in quotes begins with the program, by its name or its path, and may have punctuation before and after
    /// it.</summary>
    [GeneratedRegex(@"[^\s']*'(?:chasqui|[^\s']*/run) [^']*'\S*|\S+")]
    private static partial Regex Words();
}
