using System.CommandLine;

namespace Chasqui.Cli;

/// <summary>What <c>engine</c> was told on its command line; null where it was told nothing.</summary>
internal sealed record EngineSettings(string? Listen, string? Data, string? Models, string? Config, bool UntilInputEnds)
{
    /// <summary>Whether other machines are listened for even while there is no key.</summary>
    public bool AllowAnonymous { get; init; }
}

/// <summary><c>engine</c>: the engine alone, over MCP, for a gateway in another process or on another machine.</summary>
internal static class EngineVerb
{
    public static Command Build(CliContext context)
    {
        var listen = new Option<string?>("--listen") { Description = "Where to listen (default unix:~/.chasqui/engine.sock; also ADDR:PORT, tls://ADDR:PORT)", HelpName = "ADDRESS" };
        var data = new Option<string?>("--data") { Description = "Folder of its state (default ~/.chasqui)", HelpName = "DIR" };
        var models = new Option<string?>("--models") { Description = "Folder with GGUF files", HelpName = "DIR" };
        var config = new Option<string?>("--config") { Description = "Configuration file (default chasqui.json in the current folder)", HelpName = "FILE" };
        var anonymous = new Option<bool>("--allow-anonymous") { Description = "Listen for other machines even while there is no key" };
        var untilInputEnds = new Option<bool>("--until-input-ends") { Description = "Run until standard input ends instead of until a signal", Hidden = true };
        var command = new Command("engine", "Serve the engine alone over MCP, for a gateway elsewhere") { listen, data, models, config, anonymous, untilInputEnds };
        command.SetAction((parsed, _) => context.Serve.RunEngineAsync(
            new EngineSettings(
                parsed.GetValue(listen), parsed.GetValue(data), parsed.GetValue(models), parsed.GetValue(config), parsed.GetValue(untilInputEnds))
            { AllowAnonymous = parsed.GetValue(anonymous) },
            context));
        return command;
    }
}
