using Chasqui.Bench;
using Chasqui.Cli;

var console = SystemConsole.Open();
var interrupts = new Interrupts(Environment.Exit);
using var signals = interrupts.Listen();
var exitCode = await CliProgram.RunAsync(args, new CliContext
{
    Console = console,
    Interrupts = interrupts,
    Environment = Environment.GetEnvironmentVariable,
    OpenEngine = EmbeddedEngine.OpenAsync,
    Serve = new LocalGateway(),
    Scenarios = BenchScenarios.All,
});
console.Error.Flush();
return exitCode;
