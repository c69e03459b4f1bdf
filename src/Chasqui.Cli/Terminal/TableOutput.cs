using System.Text;

namespace Chasqui.Cli;

/// <summary>
/// Rows for people on a terminal, and for programs in a pipe: there one line a row, tabs between, no heading. On a terminal a row is one line too: what is too wide loses
/// columns that can be missed, and what names things (keys, ids, addresses) is never cut or broken.
/// </summary>
internal static class TableOutput
{
    private const int Gap = 2;
    private const int LeastText = 12;

    /// <param name="console">Where to.</param>
    /// <param name="columns">Headings. Before one may stand <c>&gt;</c>: numbers, aligned right; <c>~</c>: text that may be cut; <c>?</c>: may be left out where the terminal is narrow,
    /// the last of them first.</param>
    /// <param name="rows">Rows of as many cells.</param>
    public static void Write(CliConsole console, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        if (!console.OutputIsTerminal)
        {
            foreach (var row in rows)
                console.Out.WriteLine(string.Join('\t', row.Select(SafeText.OneLine)));
            console.Out.Flush();
            return;
        }

        List<string[]> cells = [.. rows.Select(row => row.Select(SafeText.OneLine).ToArray())];
        List<Column> shown = [.. columns.Select((heading, index) => new Column(heading, index, cells))];
        var width = Math.Max(40, console.Width());
        var hidden = Fit(shown, width);
        WriteRow(console, shown, column => column.Heading, bold: true);
        foreach (var row in cells)
            WriteRow(console, shown, column => row[column.Index], bold: false);
        console.Out.Flush();
        if (hidden.Count > 0)
            console.Remark($"Not shown, as the terminal is narrow: {string.Join(", ", hidden)}. --json has all.");
    }

    /// <returns>The headings of what was left out.</returns>
    private static List<string> Fit(List<Column> shown, int width)
    {
        var hidden = new List<string>();
        while (shown.Sum(column => column.Width + Gap) - Gap - width is > 0 and var over)
        {
            // What is empty in all rows is missed least, then the end of a text, then a whole column.
            var empty = shown.FindLast(column => column is { MayGo: true, IsEmpty: true });
            if (empty is null && Cut(shown, over))
                break;
            if ((empty ?? shown.FindLast(column => column.MayGo)) is not { } gone)
                break;
            shown.Remove(gone);
            if (!gone.IsEmpty)
                hidden.Insert(0, gone.Heading);
        }
        return hidden;
    }

    /// <summary>Cuts text, where that makes all fit.</summary>
    private static bool Cut(List<Column> shown, int over)
    {
        var texts = shown.Where(column => column.MayBeCut && column.Width > LeastText).OrderByDescending(column => column.Width).ToList();
        if (texts.Sum(column => column.Width - LeastText) < over)
            return false;
        foreach (var column in texts)
        {
            var less = Math.Min(over, column.Width - LeastText);
            column.Width -= less;
            over -= less;
        }
        return true;
    }

    private static void WriteRow(CliConsole console, List<Column> shown, Func<Column, string> cell, bool bold)
    {
        var line = new StringBuilder();
        foreach (var column in shown)
        {
            var text = column.MayBeCut ? Cells.Shorten(cell(column), column.Width) : cell(column);
            var space = new string(' ', Math.Max(0, column.Width - Cells.Of(text)));
            line.Append(column.IsRight ? space + text : text + space).Append(' ', Gap);
        }
        var whole = line.ToString().TrimEnd();
        console.Out.WriteLine(bold && console.UseColor ? $"\e[1m{whole}\e[0m" : whole);
    }

    private sealed class Column
    {
        public Column(string heading, int index, List<string[]> rows)
        {
            Heading = heading.TrimStart('>', '~', '?');
            var marks = heading[..^Heading.Length];
            (IsRight, MayBeCut, MayGo) = (marks.Contains('>', StringComparison.Ordinal), marks.Contains('~', StringComparison.Ordinal), marks.Contains('?', StringComparison.Ordinal));
            Index = index;
            IsEmpty = rows.TrueForAll(row => row[index].Length == 0);
            Width = rows.Select(row => Cells.Of(row[index])).Append(Cells.Of(Heading)).Max();
        }

        public string Heading { get; }

        public int Index { get; }

        public bool IsRight { get; }

        public bool MayBeCut { get; }

        public bool MayGo { get; }

        public bool IsEmpty { get; }

        public int Width { get; set; }
    }
}
