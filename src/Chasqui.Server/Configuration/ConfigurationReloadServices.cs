using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>Adds the reloading of the configuration to a gateway.</summary>
public static class ConfigurationReloadServices
{
    /// <summary>Follows changes of a file while the gateway runs. The gateway must have been built with the file's options.</summary>
    public static IServiceCollection AddConfigurationReload(this IServiceCollection services, ConfigurationFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        services.AddSingleton(file);
        services.AddSingleton<ConfigurationWatch>();
        services.AddSingleton<IConfigurationReload>(provider => provider.GetRequiredService<ConfigurationWatch>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<ConfigurationWatch>());
        return services;
    }
}
