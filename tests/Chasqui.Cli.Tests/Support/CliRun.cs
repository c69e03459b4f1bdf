using Chasqui.Bench;

namespace Chasqui.Cli.Tests;

/// <summary>What a command said, and how it ended.</summary>
internal sealed record CliOutcome(int ExitCode, string Out, string Error);

/// <summary>Takes down how it would serve.</summary>
internal sealed class RecordingServe : IServeRunner
{
    public List<ServeSettings> Settings { get; } = [];

    public Task<int> RunAsync(ServeSettings settings, CliContext context)
    {
        Settings.Add(settings);
        return Task.FromResult(ExitCodes.Success);
    }

    public Task<int> RunEngineAsync(EngineSettings settings, CliContext context) => throw new CliException("not in this test");
}

/// <summary>Runs commands in this process, with strings for the console and an engine for the models.</summary>
internal sealed class CliRun
{
    public ScriptedEngine Engine { get; } = new();

    /// <summary>Standard input; null for a terminal that nobody types on.</summary>
    public string? Input { get; init; } = "";

    public bool Terminal { get; init; }

    /// <summary>Columns of the terminal.</summary>
    public int Width { get; init; } = 120;

    /// <summary>Where a gateway is looked for. Nothing listens on port 1, so the engine is used.</summary>
    public Uri Server { get; init; } = new("http://127.0.0.1:1/");

    public Dictionary<string, string> Environment { get; } = [];

    public IReadOnlyList<IBenchScenario> Scenarios { get; init; } = [];

    public Interrupts Interrupts { get; } = new(code => throw new InvalidOperationException($"the process would have ended with {code}"));

    /// <summary>Takes the place of standard output.</summary>
    public TextWriter Out { get; init; } = new StringWriter();

    public IServeRunner Serve { get; init; } = new NoServe();

    public async Task<CliOutcome> RunAsync(params string[] args)
    {
        var error = new StringWriter();
        var context = new CliContext
        {
            Console = new CliConsole
            {
                In = new StringReader(Input ?? ""),
                Out = Out,
                Error = error,
                InputIsTerminal = Input is null || Terminal,
                OutputIsTerminal = Terminal,
                ErrorIsTerminal = Terminal,
                Width = () => Width,
            },
            Interrupts = Interrupts,
            Environment = Environment.GetValueOrDefault,
            UsualServer = Server,
            OpenEngine = _ => Task.FromResult<IModelHost>(new LocalModelHost(Engine, Engine)),
            Serve = Serve,
            Scenarios = Scenarios,
            Time = new FixedTime(),
        };
        var exitCode = await CliProgram.RunAsync(args, context);
        return new CliOutcome(exitCode, Out.ToString() ?? "", error.ToString());
    }

    private sealed class NoServe : IServeRunner
    {
        public Task<int> RunAsync(ServeSettings settings, CliContext context) => throw new CliException("not in this test");

        public Task<int> RunEngineAsync(EngineSettings settings, CliContext context) => throw new CliException("not in this test");
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 6, 4, 5, TimeSpan.Zero);
    }
}
