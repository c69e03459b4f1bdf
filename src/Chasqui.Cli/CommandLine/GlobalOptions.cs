using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>Options that every verb takes.</summary>
internal static class GlobalOptions
{
    public const string ServerVariable = "CHASQUI_SERVER";

    public static Option<string?> Server { get; } = new("--server")
    {
        Description = $"The gateway to talk to (default {HostChooser.DefaultServer.GetLeftPart(UriPartial.Authority)}; environment: {ServerVariable})",
        HelpName = "URL",
        Recursive = true,
    };

    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "Print JSON, for scripts",
        Recursive = true,
    };

    public static Option<bool> NoColor { get; } = new("--no-color")
    {
        Description = "No colours (also: environment NO_COLOR; a pipe never has any)",
        Recursive = true,
    };

    /// <summary>The gateway that was named, by option or environment; null for the usual address.</summary>
    public static Uri? ServerOf(ParseResult parsed, CliContext context)
    {
        var (text, source) = parsed.GetValue(Server) is { } option
            ? (option, "--server")
            : (context.Environment(ServerVariable), ServerVariable);
        if (string.IsNullOrEmpty(text))
            return null;
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        if (Uri.TryCreate(withScheme, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0)
            return uri.AbsolutePath.EndsWith('/') ? uri : new Uri(uri.AbsoluteUri + "/");
        throw new UsageException($"{source} is '{text}', but must be a URL like http://127.0.0.1:11435");
    }

    /// <summary>Whether a terminal is to be coloured. NO_COLOR counts when it is set and not empty (no-color.org).</summary>
    public static bool WantsColor(ParseResult parsed, CliContext context) =>
        !parsed.GetValue(NoColor) && string.IsNullOrEmpty(context.Environment("NO_COLOR"));
}
