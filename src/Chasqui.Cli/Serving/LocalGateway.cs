using System.Text.Json;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Cli;

/// <summary>Runs the gateway in this process.</summary>
internal sealed class LocalGateway : IServeRunner
{
    public async Task<int> RunAsync(ServeSettings settings, CliContext context)
    {
        var configuration = ConfigurationFile.Load(settings.Config, CommandLine(settings));
        var options = configuration.Options;
        if (settings.Check)
        {
            GatewayHost.Check(options);
            if (settings.Json)
                context.Console.Out.WriteLine($"{{\"right\":true,\"file\":{(File.Exists(configuration.Path) ? $"\"{JsonEncodedText.Encode(configuration.Path)}\"" : "null")}}}");
            else
                context.Console.Remark(File.Exists(configuration.Path) ? $"{configuration.Path} is right."
                    : "The configuration is right; there is no file.");
            return ExitCodes.Success;
        }
        using var scope = context.Interrupts.Begin();
        using var held = GatewayLock.Take(options.Data.Folder);
        await using (var gateway = Build(configuration))
        {
            // Where a terminal is, SIGHUP means that it is gone.
            if (Console.IsInputRedirected)
                context.Interrupts.OnHangup = gateway.Services.GetRequiredService<IConfigurationReload>().Request;
            await StartAsync(gateway, options, scope.Token);
            held.Announce([.. GatewayHost.Addresses(gateway).Select(address => address.GetLeftPart(UriPartial.Authority)), .. GatewayHost.WireAddresses(gateway)]);
            try
            {
                await Announcement.WriteAsync(gateway, settings.Json, context.Console, scope.Token);
            }
            catch (OperationCanceledException) when (scope.Token.IsCancellationRequested)
            {
                // It serves already, so that stopping it is the same as ever, whatever it has not said yet.
            }
            await scope.Token.WaitAsync();

            using var impatience = context.Interrupts.Begin();
            context.Console.Remark(
                $"Stopping. Answers that have begun may end within {HumanText.Duration(options.Shutdown.DrainTimeout)}; another Ctrl-C stops at once.");
            await gateway.StopAsync(impatience.Token);
            if (impatience.Token.IsCancellationRequested)
                return ExitCodes.Cancelled;
        }
        context.Console.Remark("Stopped.");
        return ExitCodes.Success;
    }

    public Task<int> RunEngineAsync(EngineSettings settings, CliContext context) => EngineServer.RunAsync(settings, context);

    private static WebApplication Build(ConfigurationFile configuration)
    {
        var options = configuration.Options;
        return options.EngineProcess == EngineProcess.Worker
            ? GatewayHost.Build(options, services => ModelManagement.Add(EngineWorker.Create(options, ThisProgram(), services), options, services), ConfigureAll)
            : GatewayHost.Build(options, ConfigureAll);

        void ConfigureAll(WebApplicationBuilder builder)
        {
            Configure(builder);
            builder.Services.AddConfigurationReload(configuration);
        }
    }

    /// <summary>Starts it; where something listens at its address already, says what that is.</summary>
    private static async Task StartAsync(WebApplication gateway, GatewayOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await GatewayHost.StartAsync(gateway, cancellationToken);
        }
        catch (EndpointUnavailableException e) when (options.Http.Endpoints is [{ Port: > 0 } first, ..])
        {
            var there = await Listener.FindAsync(first, cancellationToken);
            throw there is null ? e : new CliException($"{there}: {e.Message}", inner: e);
        }
    }

    /// <summary>How this program is started: by itself, or by <c>dotnet</c> with its path.</summary>
    private static IReadOnlyList<string> ThisProgram()
    {
        var process = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this process is not known.");
        return Path.GetFileNameWithoutExtension(process).Equals("dotnet", StringComparison.OrdinalIgnoreCase)
            ? [process, typeof(LocalGateway).Assembly.Location]
            : [process];
    }

    internal static void Configure(WebApplicationBuilder builder)
    {
        GatewayHost.LogToStandardError(builder.Logging);
        // What keeps it from starting is told in one line, not also in the host's many.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Services.AddSingleton<IHostLifetime, SignalsAreOurs>();
    }

    /// <summary>What the command line says, as configuration. A path is one item of a list, whatever characters it has.</summary>
    private static Dictionary<string, string?> CommandLine(ServeSettings settings)
    {
        var entries = new Dictionary<string, string?>(StringComparer.Ordinal);
        Set("Http:Endpoints", settings.Http);
        Set("Mcp:Listen", settings.Mcp);
        Set("Data:Folder", settings.Data);
        Set("Models:Folders:0", settings.Models);
        Set("Logging:Level", settings.LogLevel);
        Set("Keys:AllowAnonymous", settings.AllowAnonymous ? "true" : null);
        for (var i = 0; i < settings.Nodes.Count; i++)
        {
            var (name, url) = NodeArgument.Split(settings.Nodes[i]);
            Set(FormattableString.Invariant($"Nodes:{i}:Url"), url);
            Set(FormattableString.Invariant($"Nodes:{i}:Name"), name);
        }
        return entries;

        void Set(string key, string? value)
        {
            if (value is not null)
                entries[key] = value;
        }
    }

    /// <summary>In place of the host's own handling of Ctrl-C, which knows no second one.</summary>
    private sealed class SignalsAreOurs : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
