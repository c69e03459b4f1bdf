using System.Text;
using System.Text.RegularExpressions;

namespace Chasqui.Cli;

/// <summary>Wraps whole sentences at words. What is copied stays whole: keys, ids, addresses, paths, and commands in quotes.</summary>
internal static partial class Paragraph
{
    /// <param name="text">One line.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static string Wrap(string text, int width)
    {
        var most = Math.Max(40, width);
        if (Cells.Of(text) <= most)
            return text;
        var lines = new StringBuilder(text.Length + 8);
        var column = 0;
        foreach (Match word in Words().Matches(text))
        {
            var cells = Cells.Of(word.Value);
            if (column > 0 && column + 1 + cells > most)
            {
                lines.Append('\n');
                column = 0;
            }
            else if (column > 0)
            {
                lines.Append(' ');
                column++;
            }
            lines.Append(word.Value);
            column += cells;
        }
        return lines.ToString();
    }

    /// <summary>A command in quotes begins with the program, by its name or its path, and may have punctuation before and after it.</summary>
    [GeneratedRegex(@"[^\s']*'(?:chasqui|[^\s']*/run) [^']*'\S*|\S+")]
    private static partial Regex Words();
}
