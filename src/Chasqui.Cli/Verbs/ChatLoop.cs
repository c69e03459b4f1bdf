namespace Chasqui.Cli;

/// <summary>Reads a line, answers it, and again until the input ends.</summary>
internal sealed class ChatLoop(CliConsole console, Interrupts interrupts, IModelHost host, Conversation conversation, bool json, string? history)
{
    private const string Prompt = ">>> ";

    private readonly ChatCommands _commands = new(console, host, conversation);
    private readonly LineEditor? _editor = console.Keys is { } keys ? new LineEditor(keys, console.Error, console.Width, EditHistory.Open(history)) : null;
    private bool _failed;

    /// <summary>Ctrl-C at the prompt: what was typed is dropped, and it is said how the conversation ends.</summary>
    public void Interrupted()
    {
        const string Hint = "Ctrl-D or /exit ends the conversation.";
        if (_editor is not null)
        {
            _editor.Restart(() => console.Remark(Hint));
            return;
        }
        console.Error.WriteLine();
        console.Remark(Hint);
        WritePrompt();
    }

    private void WritePrompt()
    {
        if (!console.InputIsTerminal)
            return;
        console.Error.Write(console.Paint(Prompt, "36"));
        console.Error.Flush();
    }

    /// <returns>The exit code: on a terminal a failed answer was seen, in a pipe it counts.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        if (console.InputIsTerminal)
            console.Remark($"{conversation.Model} ({host.Place}). /help lists commands; Ctrl-C stops an answer, Ctrl-D ends.");
        if (conversation.Session is { } session)
            console.Remark($"Session {session.Id}: {session.Turns} turns, version {session.Version}. 'chasqui sessions follow {session.Id}' shows it elsewhere.");
        while (await ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith('/'))
            {
                if (!await _commands.RunAsync(line, cancellationToken))
                    break;
            }
            else if (!string.IsNullOrWhiteSpace(line))
            {
                await AnswerAsync(line, cancellationToken);
            }
        }
        return _failed && !console.InputIsTerminal ? ExitCodes.Failure : ExitCodes.Success;
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        if (_editor is not null)
            return await Task.Run(() => _editor.Read(Prompt, text => console.Paint(text, "36")), cancellationToken).WaitAsync(cancellationToken);
        WritePrompt();
        // A console's read cannot be cancelled; it is left behind when the program ends.
        var line = await Task.Run(console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken);
        if (line is null && console.InputIsTerminal)
            await console.Error.WriteLineAsync();
        return line;
    }

    private async Task AnswerAsync(string line, CancellationToken cancellationToken)
    {
        conversation.Add("user", line);
        var writer = new AnswerWriter(console);
        using var scope = interrupts.Begin();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, scope.Token);
        var answered = false;
        try
        {
            try
            {
                var result = await writer.WriteAsync(Ask(either.Token), show: !json);
                answered = true;
                if (json)
                    console.Out.WriteLine(AnswerReport.ToJson(conversation.Model, writer, result));
            }
            finally
            {
                if (!json)
                    writer.EndLine();
                console.Out.Flush();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            console.Remark("(stopped)");
        }
        catch (Exception e) when (e is CliException or EngineException)
        {
            _failed = true;
            console.Fail(e.Message);
            if (conversation.Session is { } session)
                await CatchUpAsync(session, cancellationToken);
        }

        // What was seen of a stopped answer is part of the conversation, but for a session, where nothing was recorded; a question without any answer is not.
        if (answered || (writer.Text.Length > 0 && conversation.Session is null))
            conversation.Add("assistant", writer.Text);
        else
            conversation.RemoveLast();
    }

    private IAsyncEnumerable<GenerationUpdate> Ask(CancellationToken cancellationToken) =>
        conversation.Session is { } session ? session.ChatAsync(conversation.ToRequest(), cancellationToken) : host.ChatAsync(conversation.ToRequest(), cancellationToken);

    /// <summary>Somebody else may have written meanwhile; then the same words go on from there.</summary>
    private async Task CatchUpAsync(ChatSession session, CancellationToken cancellationToken)
    {
        var seen = session.Version;
        try
        {
            await session.LookAsync(cancellationToken);
        }
        catch (CliException)
        {
            // That it cannot be asked was told already.
            return;
        }
        if (session.Version != seen)
            console.Remark($"Somebody else has written to session {session.Id}: it has {session.Turns} turns now. Say it again to go on from there, or see them with 'chasqui sessions show {session.Id}'.");
    }
}
