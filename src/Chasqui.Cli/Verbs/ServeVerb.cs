using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>What <c>serve</c> was told on its command line; null where it was told nothing.</summary>
internal sealed record ServeSettings(string? Http, string? Mcp, string? Data, string? Models, string? Config, bool Json)
{
    /// <summary>The nodes, as <c>[NAME=]URL</c>; none where none were told.</summary>
    public IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>Whether other machines are listened for even while there is no key.</summary>
    public bool AllowAnonymous { get; init; }

    /// <summary>The least level of the log; null where none was told.</summary>
    public string? LogLevel { get; init; }

    /// <summary>Whether the configuration is only checked.</summary>
    public bool Check { get; init; }
}

/// <summary>Runs a gateway until it is interrupted.</summary>
internal interface IServeRunner
{
    /// <returns>The exit code.</returns>
    Task<int> RunAsync(ServeSettings settings, CliContext context);

    /// <summary>Runs the engine alone.</summary>
    /// <returns>The exit code.</returns>
    Task<int> RunEngineAsync(EngineSettings settings, CliContext context);
}

/// <summary><c>serve</c>: the gateway itself.</summary>
internal static class ServeVerb
{
    public static Command Build(CliContext context)
    {
        var http = new Option<string?>("--http") { Description = "Where to listen (default 127.0.0.1:11435; port 0 takes a free one)", HelpName = "ADDR:PORT" };
        var mcp = new Option<string?>("--mcp") { Description = "Where to listen for MCP (default 127.0.0.1:11436; also tls://ADDR:PORT, unix:PATH, off)", HelpName = "ADDR:PORT" };
        var data = new Option<string?>("--data") { Description = "Folder of its state (default ~/.chasqui)", HelpName = "DIR" };
        var models = new Option<string?>("--models") { Description = "Folder with GGUF files", HelpName = "DIR" };
        var config = new Option<string?>("--config") { Description = "Configuration file (default chasqui.json in the current folder)", HelpName = "FILE" };
        var node = new Option<string[]>("--node") { Description = "A node that runs models too, such as http://10.0.0.5:11434; may be given again", HelpName = "[NAME=]URL" };
        var anonymous = new Option<bool>("--allow-anonymous") { Description = "Listen for other machines even while there is no key" };
        var level = new Option<string?>("--log-level") { Description = "The least level of the log: trace, debug, information, warning, error or none (default information)", HelpName = "LEVEL" };
        var check = new Option<bool>("--check") { Description = "Check the configuration and say what is wrong, without serving" };
        var command = new Command("serve", "Serve models over HTTP and MCP, until Ctrl-C or SIGTERM") { http, mcp, data, models, config, node, anonymous, level, check };
        command.SetAction((parsed, _) => context.Serve.RunAsync(
            new ServeSettings(
                parsed.GetValue(http),
                parsed.GetValue(mcp),
                parsed.GetValue(data),
                parsed.GetValue(models),
                parsed.GetValue(config),
                parsed.GetValue(GlobalOptions.Json))
            { Nodes = parsed.GetValue(node) ?? [], AllowAnonymous = parsed.GetValue(anonymous), LogLevel = parsed.GetValue(level), Check = parsed.GetValue(check) },
            context));
        return command;
    }
}
