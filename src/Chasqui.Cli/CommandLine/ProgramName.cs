namespace Chasqui.Cli;

/// <summary>How the user starts this program: <c>chasqui</c>, or the path of the script <c>run</c> of a checkout.</summary>
internal static class ProgramName
{
    /// <summary>The name that messages and examples are written with.</summary>
    public const string Installed = "chasqui";

    /// <summary>The environment variable in which the script tells what was typed.</summary>
    public const string Variable = "CHASQUI_COMMAND";

    /// <summary>Shows the commands that a message quotes (<c>'chasqui VERB'</c>) as the user types them.</summary>
    public static string Fill(string text, string command) =>
        command == Installed ? text : text.Replace($"'{Installed} ", $"'{command} ", StringComparison.Ordinal);

    /// <summary>The same for an example, where the name stands as a word of its own.</summary>
    public static string FillExample(string text, string command)
    {
        if (command == Installed)
            return text;
        var words = text.Split(' ');
        for (var i = 0; i < words.Length; i++)
        {
            // What follows "$(" is a command too.
            if (words[i] == Installed || words[i].EndsWith("$(" + Installed, StringComparison.Ordinal))
                words[i] = words[i][..^Installed.Length] + command;
        }
        return string.Join(' ', words);
    }
}
