using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>Options that every verb takes; <see cref="GatewayOptionsUse"/> says which take those of a gateway.</summary>
internal static class GlobalOptions
{
    public const string ServerVariable = "CHASQUI_SERVER";

    public const string KeyVariable = "CHASQUI_KEY";

    private static readonly string[] _schemes = [HostChooser.AnyScheme, "tcp", "tls", "ws", "wss", "http", "https"];

    public static Option<string?> Server { get; } = new("--server")
    {
        Description = $"The gateway to talk to: tcp://, tls://, unix:PATH, ws://, wss://, http:// or HOST:PORT, which may be of either protocol (default {HostChooser.DefaultServer.GetLeftPart(UriPartial.Authority)}; environment: {ServerVariable})",
        HelpName = "ADDRESS",
        Recursive = true,
    };

    public static Option<string?> Key { get; } = new("--key")
    {
        Description = $"The key that the gateway asks for (better: environment {KeyVariable}, which other users of this machine do not see)",
        HelpName = "KEY",
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
        var (text, source) = parsed.GetValue(Server) is { } option ? (option, "--server")
            : (context.Environment(ServerVariable), ServerVariable);
        if (string.IsNullOrEmpty(text))
            return null;
        if (text.StartsWith("unix:", StringComparison.Ordinal) && text.Length > "unix:".Length)
            return new Uri("unix:" + Path.GetFullPath(text["unix:".Length..]));
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : $"{HostChooser.AnyScheme}://{text}";
        if (Uri.TryCreate(withScheme, UriKind.Absolute, out var uri) && _schemes.Contains(uri.Scheme) && uri.Host.Length > 0 && (uri.Scheme != HostChooser.AnyScheme || uri is { Port: > 0, AbsolutePath: "" or "/" }))
            return uri.Scheme is not ("http" or "https") || uri.AbsolutePath.EndsWith('/') ? uri : new Uri(uri.AbsoluteUri + "/");
        throw new UsageException($"{source} is '{text}', but must be an address like {HostChooser.DefaultServer.GetLeftPart(UriPartial.Authority)} or http://127.0.0.1:11435");
    }

    /// <summary>The key to show; null for none.</summary>
    public static string? KeyOf(ParseResult parsed, CliContext context)
    {
        var (text, source) = parsed.GetValue(Key) is { } option ? (option, "--key") : (context.Environment(KeyVariable), KeyVariable);
        if (string.IsNullOrWhiteSpace(text))
            return null;
        // The key itself is not shown.
        return text.Trim() is var key && key.All(c => c is > ' ' and < (char)127) ? key : throw new UsageException($"{source} is no key: it has characters other than visible ASCII");
    }

    /// <summary>Whether a terminal is to be coloured. NO_COLOR counts when it is set and not empty (no-color.org).</summary>
    public static bool WantsColor(ParseResult parsed, CliContext context) =>
        !parsed.GetValue(NoColor) && string.IsNullOrEmpty(context.Environment("NO_COLOR"));
}
