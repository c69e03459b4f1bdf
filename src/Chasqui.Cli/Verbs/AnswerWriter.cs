namespace Chasqui.Cli;

/// <summary>Shows an answer as it is made.</summary>
internal sealed class AnswerWriter(CliConsole console)
{
    private readonly System.Text.StringBuilder _text = new();
    private readonly System.Text.StringBuilder _thinking = new();
    private readonly WordWrap _wrap = new(console.Width);
    private bool _thinkingOpen;

    /// <summary>All text so far.</summary>
    public string Text => _text.ToString();

    /// <summary>All thinking so far.</summary>
    public string Thinking => _thinking.ToString();

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="updates">The answer.</param>
    /// <param name="show">Whether to write it to <see cref="CliConsole.Out"/> as it comes.</param>
    public async Task<GenerationResult> WriteAsync(IAsyncEnumerable<GenerationUpdate> updates, bool show)
    {
        GenerationResult? result = null;
        await foreach (var update in updates)
        {
            _text.Append(update.Text);
            _thinking.Append(update.Thinking);
            if (show)
                Show(update);
            result = update.Result ?? result;
        }
        return result ?? throw new CliException("the answer ended without its last message");
    }

    /// <summary>Ends the line, where the answer did not.</summary>
    public void EndLine()
    {
        CloseThinking();
        if (_text.Length > 0 && _text[^1] != '\n')
            console.Out.WriteLine();
        console.Out.Flush();
    }

    private void Show(GenerationUpdate update)
    {
        if (update.Thinking.Length > 0 && console.ErrorIsTerminal)
        {
            // Thinking is no part of the answer; the next program in a pipe does not get it.
            console.Error.Write(console.Paint(SafeText.ForTerminal(update.Thinking), "90"));
            _thinkingOpen = true;
        }
        if (update.Text.Length == 0)
            return;
        CloseThinking();
        console.Out.Write(console.OutputIsTerminal ? _wrap.Add(SafeText.ForTerminal(update.Text)) : update.Text);
        console.Out.Flush();
    }

    private void CloseThinking()
    {
        if (_thinkingOpen)
            console.Error.WriteLine();
        _thinkingOpen = false;
    }
}
