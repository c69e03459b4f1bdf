namespace Chasqui.Cli;

/// <summary>The lines of a chat that begin with a slash.</summary>
internal sealed class ChatCommands(CliConsole console, IModelHost host, Conversation conversation)
{
    private static readonly (string Usage, string Meaning)[] _all =
    [
        ("/help", "this list"),
        ("/clear", "forget what was said"),
        ("/system [TEXT]", "set the system text; without TEXT, show it; '/system -' takes it away"),
        ("/model [NAME]", "go on with another model; without NAME, say which one it is"),
        ("/save FILE", "write the conversation: messages where FILE ends in .json, else Markdown"),
        ("/exit", "end (also Ctrl-D)"),
    ];

    /// <returns>False when the conversation is to end.</returns>
    public async Task<bool> RunAsync(string line, CancellationToken cancellationToken)
    {
        var parts = line.Split(' ', 2, StringSplitOptions.TrimEntries);
        var argument = parts.Length > 1 ? parts[1] : "";
        switch (parts[0])
        {
            case "/exit" or "/quit" or "/bye":
                return false;
            case "/help" or "/?":
                foreach (var (usage, meaning) in _all)
                    console.Error.WriteLine(console.ErrorIsTerminal
                        ? Paragraph.Wrap($"  {usage,-16} {meaning}", console.Width(), indent: 19) : $"  {usage,-16} {meaning}");
                break;
            case "/clear":
                conversation.Clear();
                console.Remark("The conversation begins anew.");
                break;
            case "/system":
                SetSystem(argument);
                break;
            case "/model":
                await SetModelAsync(argument, cancellationToken);
                break;
            case "/save":
                await SaveAsync(argument, cancellationToken);
                break;
            default:
                console.Fail($"there is no command {parts[0]}; /help lists them");
                break;
        }
        return true;
    }

    private void SetSystem(string text)
    {
        if (text.Length > 0)
            conversation.System = text == "-" ? null : text;
        console.Remark(conversation.System is { Length: > 0 } system ? $"System text: {system}" : "The model's own system text is used.");
    }

    private async Task SetModelAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            if (name.Length > 0)
            {
                await host.ShowAsync(name, cancellationToken);
                conversation.Model = name;
            }
            console.Remark($"Model: {conversation.Model}");
        }
        catch (Exception e) when (e is CliException or EngineException)
        {
            console.Fail(e.Message);
        }
    }

    private async Task SaveAsync(string path, CancellationToken cancellationToken)
    {
        if (path.Length == 0)
        {
            console.Fail("/save needs the name of a file");
            return;
        }
        try
        {
            await conversation.SaveAsync(path, cancellationToken);
            console.Remark($"Saved {conversation.Turns.Count} turns to {path}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            console.Fail($"{path} cannot be written: {FileProblem.Of(e, path)}");
        }
    }
}
