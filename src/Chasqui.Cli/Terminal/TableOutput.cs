using Spectre.Console;

namespace Chasqui.Cli;

/// <summary>Rows for people on a terminal, and for programs in a pipe: there one line a row, tabs between, no heading.</summary>
internal static class TableOutput
{
    /// <param name="console">Where to.</param>
    /// <param name="columns">Headings; one that begins with <c>&gt;</c> is of numbers and aligned right.</param>
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

        var table = new Table().Border(TableBorder.None);
        foreach (var column in columns)
        {
            var name = column.TrimStart('>');
            var heading = new TableColumn(new Text(name, new Style(decoration: Decoration.Bold))).PadLeft(0).PadRight(3).NoWrap();
            table.AddColumn(column.StartsWith('>') ? heading.RightAligned() : heading);
        }
        foreach (var row in rows)
            table.AddRow(row.Select(cell => new Text(SafeText.OneLine(cell))));
        console.Rich.Write(table);
        console.Out.Flush();
    }
}
