using Chasqui.Bench;
using Chasqui.Cli;

// Read once, when the first socket is used: what has arrived is then handled by the thread that was told of it, which spares MCP a change of threads for
// each batch of frames. HTTP is handled by the thread pool as ever.
const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
if (Environment.GetEnvironmentVariable(InlineCompletions) is null)
    Environment.SetEnvironmentVariable(InlineCompletions, "1");

var console = SystemConsole.Open();
var interrupts = new Interrupts(Environment.Exit);
using var signals = interrupts.Listen();
var exitCode = await CliProgram.RunAsync(args, new CliContext
{
    Console = console,
    Interrupts = interrupts,
    Environment = Environment.GetEnvironmentVariable,
    ChatHistory = new Chasqui.Server.DataOptions().Folder is { Length: > 0 } data ? Path.Combine(data, "chat-history") : null,
    OpenEngine = EmbeddedEngine.OpenAsync,
    Serve = new LocalGateway(),
    Scenarios = BenchScenarios.All,
});
console.Error.Flush();
return exitCode;
