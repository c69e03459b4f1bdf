using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;

namespace Chasqui.Cli;

/// <summary>
/// Where a verb reads and writes: text for the next program on <see cref="Out"/>, remarks on <see cref="Error"/>.
/// Tests put strings in its place.
/// </summary>
internal sealed class CliConsole
{
    private IAnsiConsole? _rich;
    private IAnsiConsole? _richError;

    public required TextReader In { get; init; }

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public bool InputIsTerminal { get; init; }

    /// <summary>The keys of the terminal, where lines can be edited; null elsewhere.</summary>
    public IKeySource? Keys { get; init; }

    public bool OutputIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>Columns of the terminal.</summary>
    public Func<int> Width { get; init; } = () => 80;

    /// <summary>What the user types to start this program; commands in remarks and errors are shown with it. Default <c>chasqui</c>.</summary>
    public string Command { get; set; } = ProgramName.Installed;

    /// <summary>Whether a terminal is shown colours; decided by <c>--no-color</c>, <c>NO_COLOR</c> and <c>TERM</c> before a verb begins.</summary>
    public bool UseColor { get; set; } = true;

    /// <summary>Tables and colours on standard output; only meaningful where that is a terminal.</summary>
    public IAnsiConsole Rich => _rich ??= Make(Out, OutputIsTerminal);

    /// <summary>Colours and spinners on standard error.</summary>
    public IAnsiConsole RichError => _richError ??= Make(Error, ErrorIsTerminal);

    /// <summary>Whether errors are JSON too; decided by <c>--json</c> before a verb begins.</summary>
    public bool ErrorsAsJson { get; set; }

    /// <summary>One sentence on standard error, not for the next program: a line, which a terminal shows wrapped at words.</summary>
    public void Remark(string text)
    {
        Error.WriteLine(Paint(Wrap(SafeText.OneLine(ProgramName.Fill(text, Command))), "90"));
        Error.Flush();
    }

    /// <summary>Why it failed, in one line: <c>error: …</c>, or <c>{"error":"…"}</c>.</summary>
    public void Fail(string text)
    {
        text = SafeText.OneLine(ProgramName.Fill(text, Command));
        Error.WriteLine(ErrorsAsJson
            ? $"{{\"error\":\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"}}"
            : Paint("error:", "31") + Wrap("error: " + text)["error:".Length..]);
        Error.Flush();
    }

    private string Wrap(string text) => ErrorIsTerminal ? Paragraph.Wrap(text, Width()) : text;

    /// <summary>Text for <see cref="Error"/> in a colour (an SGR code).</summary>
    public string Paint(string text, string code) => ErrorIsTerminal && UseColor ? $"\e[{code}m{text}\e[0m" : text;

    private IAnsiConsole Make(TextWriter writer, bool terminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = terminal ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = terminal && UseColor ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = Math.Max(40, Width());
        return console;
    }
}
