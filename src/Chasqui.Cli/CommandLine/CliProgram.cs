using System.CommandLine;
using System.Reflection;
using Chasqui.Server;
using Chasqui.Simulation;

namespace Chasqui.Cli;

/// <summary>The command line: reads it, runs the verb, and turns what goes wrong into one line and an exit code.</summary>
internal static class CliProgram
{
    public static string Version { get; } =
        typeof(CliProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static async Task<int> RunAsync(IReadOnlyList<string> args, CliContext context)
    {
        var console = context.Console;
        console.Command = context.Environment(ProgramName.Variable) is { Length: > 0 } typed ? typed : ProgramName.Installed;
        var root = Build(context);
        args = DefaultVerb.Complete(args, root);
        // A prompt may begin with '@', and bundling would read a mistyped '-model' as six options.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        console.UseColor = GlobalOptions.WantsColor(parsed, context);
        console.ErrorsAsJson = parsed.GetResult(GlobalOptions.Json) is { Implicit: false };
        if (parsed.Errors.Count > 0)
        {
            if (console.ErrorsAsJson)
            {
                console.Fail(string.Join("; ", ParseErrors.Describe(parsed)));
                return ExitCodes.Usage;
            }
            foreach (var error in ParseErrors.Describe(parsed))
                console.Fail(error);
            console.Remark($"See '{Path(parsed.CommandResult.Command, root)} --help'.");
            return ExitCodes.Usage;
        }
        try
        {
            GatewayOptionsUse.EnsureMeant(parsed);
            var exitCode = await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                // Signals are handled by Interrupts, exceptions here.
                ProcessTerminationTimeout = null,
                EnableDefaultExceptionHandler = false,
            });
            console.Out.Flush();
            return exitCode;
        }
        catch (OutputClosedException)
        {
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Cancelled;
        }
        catch (CliException e)
        {
            console.Fail(e.Message);
            return e.ExitCode;
        }
        catch (Exception e) when (e is EngineException or GatewayStartException or IOException or UnauthorizedAccessException)
        {
            console.Fail(e is IOException and not TraceException or UnauthorizedAccessException ? FileProblem.WithPath(e)
                : OptionNames.Show(e.Message, parsed.CommandResult.Command));
            return ExitCodes.Failure;
        }
#pragma warning disable CA1031 // The runtime would print an exception with its escape sequences, and they would reach the terminal.
        catch (Exception e)
#pragma warning restore CA1031
        {
            console.Fail($"unexpected error: {e.Message}");
            if (!console.ErrorsAsJson)
                console.Error.WriteLine(SafeText.ForTerminal(e.ToString()));
            return ExitCodes.Failure;
        }
    }

    private static RootCommand Build(CliContext context)
    {
        var root = new RootCommand("Chasqui: a gateway for language models, and its tools.")
        {
            ServeVerb.Build(context),
            EngineVerb.Build(context),
            AskVerb.Build(context),
            ChatVerb.Build(context),
            ModelsVerbs.Build(context),
            NodesVerb.Build(context),
            SimulateVerb.Build(context),
            KeysVerbs.Build(context),
            SessionsVerbs.Build(context),
            BenchVerb.Build(context),
        };
        foreach (var option in root.Options.OfType<VersionOption>().ToList())
            root.Options.Remove(option);
        root.Options.Add(new Option<bool>("--version") { Description = "Print the version", Action = new VersionAction(context.Console) });
        root.Options.Add(GlobalOptions.Server);
        root.Options.Add(GlobalOptions.Key);
        root.Options.Add(GlobalOptions.Json);
        root.Options.Add(GlobalOptions.NoColor);
        HelpText.Customize(root, context.Console);
        return root;
    }

    private static string Path(Command command, RootCommand root)
    {
        var names = new List<string>();
        for (Symbol? symbol = command; symbol is not null && symbol != root; symbol = symbol.Parents.FirstOrDefault())
            names.Insert(0, symbol.Name);
        return string.Join(' ', names.Prepend(ProgramName.Installed));
    }

    private sealed class VersionAction(CliConsole console) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            console.Out.WriteLine($"chasqui {Version}");
            return ExitCodes.Success;
        }
    }
}
