using CsCheck;

namespace Chasqui.Cli.Tests;

public sealed class LineEditorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-edit-").FullName;

    private string HistoryFile => Path.Combine(_folder, "data", "chat-history");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("Hello<Enter>", "Hello")]
    [InlineData("Hllo<Left><Left><Left>e<Enter>", "Hello")]
    [InlineData("ello<Home>H<End>!<Enter>", "Hello!")]
    [InlineData("ello<C-a>H<C-e>!<Enter>", "Hello!")]
    [InlineData("Hello you<C-w>me<Enter>", "Hello me")]
    [InlineData("one two  <C-w>three<Enter>", "one three")]
    [InlineData("nonsense<C-u>Hello<Enter>", "Hello")]
    [InlineData("Hello nonsense<M-b><C-k><C-e>you<Enter>", "Hello you")]
    [InlineData("Hellox<BS><Enter>", "Hello")]
    [InlineData("xHello<Home><Del><Enter>", "Hello")]
    [InlineData("xHello<Home><C-d><Enter>", "Hello")]
    [InlineData("one two three<C-Left><C-Left>X<C-Right>Y<Enter>", "one XtwoY three")]
    [InlineData("<BS><Left><Del><C-w><C-u><C-k><Right><Enter>", "")]
    [InlineData("H\u00e9llo \u6f22\u5b57<Left><BS><Enter>", "H\u00e9llo \u5b57")]
    [InlineData("a\ud83d\ude00b<Left><BS><Enter>", "ab")]
    [InlineData("one<M-Enter>two<Enter>", "one\ntwo")]
    [InlineData("one\ntwo\nthree<Enter>", "one\ntwo\nthree")]
    [InlineData("one\ntwo<Home>2: <Enter>", "one\n2: two")]
    public void Keys_edit_the_text(string script, string expected) => Assert.Equal(expected, Editor(script).Read(">>> ", text => text));

    [Theory]
    [InlineData("<C-d>")]
    [InlineData("x<BS><C-d>")]
    [InlineData("half a line")]
    public void Ctrl_D_on_an_empty_line_ends_and_so_does_a_terminal_that_is_gone(string script) => Assert.Null(Editor(script).Read(">>> ", text => text));

    [Fact]
    public void What_was_typed_comes_back_also_in_the_next_chat_and_what_is_being_typed_is_not_lost()
    {
        var first = Editor("one<Enter>two\nlines\\n<Enter>two\nlines\\n<Enter>  <Enter>");
        for (var i = 0; i < 4; i++)
            Assert.NotNull(first.Read("", text => text));

        var second = Editor("draft<Up><Up><Up><Down><Enter>three<Up><Up><Up><Down><Down><Down>!<Enter>");

        Assert.Equal("two\nlines\\n", second.Read("", text => text));
        Assert.Equal("three!", second.Read("", text => text));
        Assert.Equal(["one", "two\nlines\\n", "three!"], EditHistory.Open(HistoryFile).Texts);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(HistoryFile));
    }

    [Fact]
    public void The_history_is_bounded_and_a_folder_that_cannot_be_written_to_costs_only_the_file()
    {
        var history = EditHistory.Open(HistoryFile);
        for (var i = 0; i < EditHistory.MaxTexts + 5; i++)
            history.Add(FormattableString.Invariant($"text {i}"));
        history.Add(new string('x', EditHistory.MaxLength + 1));
        Assert.Equal((EditHistory.MaxTexts, "text 5"), (EditHistory.Open(HistoryFile).Texts.Count, EditHistory.Open(HistoryFile).Texts[0]));

        var lost = EditHistory.Open("/dev/null/history");
        lost.Add("one");
        Assert.Equal(["one"], lost.Texts);
    }

    [Fact]
    public void Ctrl_C_drops_what_was_typed()
    {
        var output = new StringWriter();
        LineEditor? editor = null;
        var keys = new InterruptingKeys(new ScriptedKeys("abc<Enter>"), 2, () => editor!.Restart(() => output.Write("hint")));
        editor = new LineEditor(keys, output, () => 80, EditHistory.Open(null));

        Assert.Equal("c", editor.Read(">>> ", text => text));
        Assert.Contains("hint", output.ToString());
    }

    [Fact]
    public void No_line_is_as_wide_as_the_terminal_and_none_of_the_text_is_lost() => Gen.Select(Gen.String[Gen.OneOf(Gen.Char['a', 'e'], Gen.Const('\n'), Gen.Const('漢'), Gen.Const(' ')), 0, 60], Gen.Int[8, 30])
        .Sample((text, width) =>
        {
            var layout = EditLayout.Of("> ", text, text.Length, width);
            Assert.All(layout.Lines, line => Assert.True(Cells.Of(line) < width));
            Assert.Equal(text.Replace("\n", "", StringComparison.Ordinal), string.Concat(layout.Lines.Select(line => line[2..])));
            Assert.Equal((layout.Lines.Count - 1, Cells.Of(layout.Lines[^1])), (layout.Row, layout.Column));
        });

    private LineEditor Editor(string script) => new(new ScriptedKeys(script), TextWriter.Null, () => 20, EditHistory.Open(HistoryFile));

    private sealed class InterruptingKeys(IKeySource keys, int after, Action interrupt) : IKeySource
    {
        private int _read;

        public bool IsPending => keys.IsPending;

        public ConsoleKeyInfo Read()
        {
            if (_read++ == after)
                interrupt();
            return keys.Read();
        }
    }
}
