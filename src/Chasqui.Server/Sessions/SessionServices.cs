using Chasqui.Gateway.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary>The parts that keep sessions.</summary>
internal static class SessionServices
{
    public static IServiceCollection AddSessions(this IServiceCollection services, GatewayOptions options)
    {
        // An engine of a gateway has none of its own.
        if (options.IsEngineAlone)
            return services;
        services.AddSingleton<SessionKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<SessionKeeper>());
        services.AddSingleton<ResponseArchive>();
        // The gateway is put together before its data folder is made.
        services.AddSingleton(provider => new Lazy<SessionLog>(() => provider.GetRequiredService<SessionKeeper>().Log));
        services.AddSingleton(provider => new Lazy<SessionTurns>(() => new SessionTurns(provider.GetRequiredService<SessionKeeper>().Log)));
        return services;
    }
}
