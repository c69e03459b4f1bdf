using Chasqui.Gateway.Sessions;
using Chasqui.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The parts that keep sessions.</summary>
internal static class SessionServices
{
    public static IServiceCollection AddSessions(this IServiceCollection services, GatewayOptions options)
    {
        // An engine of a gateway has none of its own.
        if (options.IsEngineAlone)
            return services;
        services.AddSingleton(provider =>
            new SessionLog(Open(options), options.Sessions, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SessionLog>>()));
        services.AddSingleton<SessionTurns>();
        // The gateway is put together before its data folder is made.
        services.AddSingleton(provider => new Lazy<SessionLog>(provider.GetRequiredService<SessionLog>));
        services.AddSingleton(provider => new Lazy<SessionTurns>(provider.GetRequiredService<SessionTurns>));
        services.AddHostedService<SessionHousekeeping>();
        return services;
    }

    private static SqliteSessionStore Open(GatewayOptions options) => SqliteSessionStore.Open(Path.Combine(options.Data.Folder, DataFolder.Sessions));
}
