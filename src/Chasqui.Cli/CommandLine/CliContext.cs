using System.CommandLine;
using Chasqui.Bench;

namespace Chasqui.Cli;

/// <summary>What the verbs work with; tests put their own in.</summary>
internal sealed record CliContext
{
    public required CliConsole Console { get; init; }

    public required Interrupts Interrupts { get; init; }

    /// <summary>Reads an environment variable; null where it is not set.</summary>
    public Func<string, string?> Environment { get; init; } = _ => null;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Starts an engine in this process, which the caller disposes.</summary>
    public required Func<CancellationToken, Task<IModelHost>> OpenEngine { get; init; }

    /// <summary>What <c>serve</c> does once its options are read.</summary>
    public required IServeRunner Serve { get; init; }

    /// <summary>The file of what was typed in chats; null for none.</summary>
    public string? ChatHistory { get; init; }

    public IReadOnlyList<IBenchScenario> Scenarios { get; init; } = [];

    /// <summary>Where a gateway is looked for when none was named.</summary>
    public Uri UsualServer { get; init; } = HostChooser.DefaultServer;

    public HostChooser Hosts(ParseResult parsed) => new(Console, UsualServer, GlobalOptions.KeyOf(parsed, this), OpenEngine);
}
