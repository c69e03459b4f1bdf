using System.Globalization;
using Spectre.Console.Rendering;

namespace Chasqui.Cli;

/// <summary>How many columns of a terminal text takes: two for a wide character, none for one that combines.</summary>
internal static class Cells
{
    public static int Of(string text)
    {
        foreach (var c in text)
        {
            if (c is < ' ' or > '~')
                return new Segment(text).CellCount();
        }
        return text.Length;
    }

    /// <summary>The text in at most so many columns, with an ellipsis where something was left out.</summary>
    public static string Shorten(string text, int columns)
    {
        if (Of(text) <= columns)
            return text;
        var end = 0;
        var used = 0;
        while (end < text.Length)
        {
            var length = StringInfo.GetNextTextElementLength(text, end);
            var cells = Of(text.Substring(end, length));
            if (used + cells > columns - 1)
                break;
            used += cells;
            end += length;
        }
        return text[..end] + "…";
    }
}
