using Chasqui.Gateway;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Cli;

/// <summary>Runs the engine alone in this process: a gateway that listens for MCP only.</summary>
internal static class EngineServer
{
    public static async Task<int> RunAsync(EngineSettings settings, CliContext context)
    {
        var options = Options(settings);
        using var scope = context.Interrupts.Begin();
        using var ignored = settings.UntilInputEnds ? context.Interrupts.Begin(() => false) : null;
        await using (var gateway = GatewayHost.Build(options, builder => Configure(builder, settings)))
        {
            await GatewayHost.StartAsync(gateway, scope.Token);
            if (!settings.UntilInputEnds)
                context.Console.Remark($"The engine is listening on {string.Join(", ", GatewayHost.WireAddresses(gateway))}");
            WarnIfUnavailable(gateway, context.Console);
            if (settings.UntilInputEnds)
                await InputEndsAsync();
            else
                await scope.Token.WaitAsync();
            using var impatience = context.Interrupts.Begin();
            await gateway.StopAsync(impatience.Token);
        }

        return ExitCodes.Success;
    }

    private static void Configure(WebApplicationBuilder builder, EngineSettings settings)
    {
        LocalGateway.Configure(builder);
        // Each request is in the log of the gateway that started this.
        if (settings.UntilInputEnds)
            builder.Logging.AddFilter("Chasqui.Server.WireGateway", LogLevel.Warning);
    }

    private static GatewayOptions Options(EngineSettings settings)
    {
        var entries = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (settings.Listen is not null)
            entries["Mcp:Listen"] = settings.Listen;
        if (settings.Data is not null)
            entries["Data:Folder"] = settings.Data;
        if (settings.Models is not null)
            entries["Models:Folders:0"] = settings.Models;
        if (settings.AllowAnonymous)
            entries["Keys:AllowAnonymous"] = "true";
        // A worker's gateway has read the file and says all of it in the environment; the file may have become wrong since.
        var options = settings.UntilInputEnds && settings.Config is null
            ? GatewayConfiguration.LoadWithoutFile(entries)
            : GatewayConfiguration.LoadWithoutNodes(settings.Config, entries);
        var listen = settings.Listen is not null && options.Wire.Listen is { Count: > 0 } named
            ? named
            : [new WireListen(null, Path.Combine(options.Data.Folder, "engine.sock"))];
        // Whoever started it has ended or waits for it: nothing is drained.
        var drain = settings.UntilInputEnds ? TimeSpan.Zero : options.Shutdown.DrainTimeout;
        return options with
        {
            Http = options.Http with { Endpoints = [] },
            Wire = options.Wire with { Listen = listen },
            Nodes = [],
            // What comes to a worker was let in by its gateway, whose environment it has.
            Limits = settings.UntilInputEnds ? new LimitOptions() : options.Limits,
            Shutdown = new ShutdownOptions { DrainTimeout = drain },
        };
    }

    private static void WarnIfUnavailable(WebApplication gateway, CliConsole console)
    {
        try
        {
            ModelManagement.EnsureAvailable(gateway.Services.GetRequiredService<IEngine>());
        }
        catch (EngineUnavailableException e)
        {
            console.Remark($"warning: no model can run here: {e.Message}");
        }
    }

    private static async Task InputEndsAsync()
    {
        var input = Console.OpenStandardInput();
        var buffer = new byte[256];
        while (await input.ReadAsync(buffer) > 0)
        {
            // What comes means nothing; only the end does.
        }
    }
}
