using System.Text;

namespace Chasqui.Cli;

/// <summary>Makes text that others wrote fit to be shown: a model's answer may hold escape sequences that move the cursor or worse.</summary>
internal static class SafeText
{
    /// <summary>The text without control characters other than tab and line feed.</summary>
    public static string ForTerminal(string text)
    {
        if (!text.Any(IsUnsafe))
            return text;
        var safe = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (!IsUnsafe(c))
                safe.Append(c);
        }
        return safe.ToString();
    }

    /// <summary>The text in one line: runs of control characters become one space.</summary>
    public static string OneLine(string text)
    {
        if (!text.Any(char.IsControl))
            return text;
        var line = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (!char.IsControl(c))
                line.Append(c);
            else if (line.Length > 0 && line[^1] != ' ')
                line.Append(' ');
        }
        return line.ToString().TrimEnd();
    }

    private static bool IsUnsafe(char c) => char.IsControl(c) && c is not ('\n' or '\t');
}
