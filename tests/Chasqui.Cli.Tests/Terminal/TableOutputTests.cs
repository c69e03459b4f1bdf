using CsCheck;

namespace Chasqui.Cli.Tests;

public sealed class TableOutputTests
{
    [Fact]
    public void What_names_things_stays_whole_and_the_rest_makes_room()
    {
        string[] columns = ["NAME", "ID", "?~SCOPES", "?>RPM", "?TENANT", "URL"];
        string[] row = ["a-name-of-thirty-characters-xx", "1umB0MoWZLlm", "infer,models,admin", "no limit", "", "http://10.0.0.5:11434"];

        var wide = Write(120, columns, row);
        var middle = Write(100, columns, row);
        var narrow = Write(81, columns, row);

        Assert.Equal("NAME                            ID            SCOPES                   RPM  TENANT  URL", wide.Lines[0]);
        Assert.Equal("NAME                            ID            SCOPES                   RPM  URL", middle.Lines[0]);
        Assert.Equal(("", ""), (wide.Error, middle.Error));
        Assert.Equal("NAME                            ID            SCOPES        URL", narrow.Lines[0]);
        Assert.Equal("a-name-of-thirty-characters-xx  1umB0MoWZLlm  infer,model…  http://10.0.0.5:11434", narrow.Lines[1]);
        Assert.Equal("Not shown, as the terminal is narrow: RPM. --json has all.\n", narrow.Error.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_row_is_one_line_at_any_width() => Gen.Select(Gen.Int[40, 140], Gen.String[Gen.Char['a', 'z'], 0, 30].Array[5])
        .Sample((width, row) =>
        {
            var table = Write(width, ["A", "?~B", "?>C", "~D", "?E"], row);
            Assert.Equal(2, table.Lines.Length);
            Assert.Contains(row[0], table.Lines[1]);
            if (row[0].Length <= width - 2 - 12)
                Assert.All(table.Lines, line => Assert.True(line.Length <= width, line));
        });

    [Fact]
    public void Wide_characters_keep_columns_straight()
    {
        var lines = Write(80, ["NAME", "~TITLE"], ["漢字", "x"], ["abcd", "y"]).Lines;

        Assert.Equal(["NAME  TITLE", "漢字  x", "abcd  y"], lines);
    }

    private static (string[] Lines, string Error) Write(int width, string[] columns, params string[][] rows)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var console = new CliConsole { In = TextReader.Null, Out = output, Error = error, OutputIsTerminal = true, Width = () => width, UseColor = false };
        TableOutput.Write(console, columns, rows);
        return (output.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'), error.ToString());
    }
}
