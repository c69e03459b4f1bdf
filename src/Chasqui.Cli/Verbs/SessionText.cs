using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Sessions and their changes for people.</summary>
internal static class SessionText
{
    /// <summary>A session with its turns.</summary>
    public static void WriteSession(CliConsole console, JsonElement session)
    {
        var title = SafeText.OneLine(session.Text("title"));
        var head = FormattableString.Invariant($"{session.Text("id")}{(title.Length > 0 ? ": " + title : "")}, version {session.Number("version")}, {session.Text("mode")}, {session.Text("policy")}");
        if (session.Find("forked_from") is { } origin)
            head += FormattableString.Invariant($", forked from {origin.Text("session")} at version {origin.Number("version")}");
        console.Remark(head);
        foreach (var message in session.Items("messages"))
            WriteMessage(console, message);
    }

    /// <summary>A change.</summary>
    public static void WriteChange(CliConsole console, JsonElement change)
    {
        var what = change.Text("kind") switch
        {
            "forked" => change.Find("origin") is { } origin ? FormattableString.Invariant($"forked from {origin.Text("session")} at version {origin.Number("version")}") : "forked",
            var kind => kind,
        };
        var at = change.Time("at");
        var when = console.OutputIsTerminal ? FormattableString.Invariant($"{at.ToLocalTime():yyyy-MM-dd HH:mm:ss}") : TimeText.Iso(at);
        console.Remark(FormattableString.Invariant($"version {change.Number("version")}, {what}, {when}"));
        foreach (var message in change.Items("messages"))
            WriteMessage(console, message);
    }

    private static void WriteMessage(CliConsole console, JsonElement message)
    {
        var text = SafeText.ForTerminal(message.Text("content"));
        console.Out.WriteLine($"{SafeText.OneLine(message.Text("role"))}: {text}");
        foreach (var call in message.Items("tool_calls"))
            console.Out.WriteLine($"  calls {SafeText.OneLine(call.Find("function")?.GetRawText() ?? call.GetRawText())}");
        console.Out.Flush();
    }
}
