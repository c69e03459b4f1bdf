using Chasqui.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Cli;

/// <summary>The engine of a gateway that does not listen, for one command.</summary>
internal static class EmbeddedEngine
{
    /// <exception cref="GatewayStartException">The configuration is wrong.</exception>
    public static Task<IModelHost> OpenAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var options = GatewayConfiguration.LoadWithoutNodes();
        // A folder that only serve makes is not missed here.
        options = options with { Models = options.Models with { Folders = [.. options.Models.Folders.Where(Directory.Exists)] } };
        // Of the log only what goes wrong: the command has its own output.
        if (options.Telemetry.LogLevel < LogLevel.Warning)
            options = options with { Telemetry = options.Telemetry with { LogLevel = LogLevel.Warning } };
        var gateway = GatewayHost.Build(options, builder => GatewayHost.LogToStandardError(builder.Logging));
        return Task.FromResult<IModelHost>(new LocalModelHost(gateway.Services.GetRequiredService<IEngine>(), gateway));
    }
}
