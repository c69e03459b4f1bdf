using System.Net;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The parts that know keys and shape traffic.</summary>
internal static partial class KeyServices
{
    public static IServiceCollection AddKeys(this IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton<KeyRing>();
        services.AddSingleton<CallerSessions>();
        services.AddSingleton<TrafficShaper>();
        services.AddSingleton<CallerGate>();
        services.AddSingleton<RefusalCounts>();
        services.AddSingleton<CallerLoads>();
        services.AddSingleton<BodyRules>();
        services.AddHostedService(provider => new MemoryRelease(provider.GetRequiredService<ByteBudget>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new ByteBudget(
            provider.GetRequiredService<IGatewaySettings>(), BodyRules.Copies * options.Http.MaxRequestBodyBytes, provider.GetRequiredService<RefusalCounts>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new KeyFile(options.Data.Folder, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<KeyWatch>();
        if (UsesKeys(options))
            services.AddHostedService(provider => provider.GetRequiredService<KeyWatch>());
        return services;
    }

    /// <summary>Reads the keys, and sees to it that nobody listens to the world without them unless told to.</summary>
    /// <exception cref="GatewayStartException">The file is damaged, or an address is open to others while there is no key.</exception>
    public static void PrepareKeys(this IServiceProvider services, GatewayOptions options)
    {
        if (!UsesKeys(options))
            return;
        var keys = services.GetRequiredService<KeyRing>();
        // It notes when the file was changed last before the file is read, so that no change is missed in between.
        services.GetRequiredService<KeyWatch>();
        keys.Replace(services.GetRequiredService<KeyFile>().Read());
        if (OpenAddress(options) is not { } open)
            return;
        if (options.AllowAnonymous)
        {
            if (keys.Count == 0)
                LogOpen(services.GetRequiredService<ILogger<KeyRing>>(), open);
            return;
        }
        if (keys.Count == 0)
            throw IsOpen(open);
        // Removing the last one must not open it.
        keys.RequireAlways();
    }

    /// <summary>Looks whether <see cref="PrepareKeys"/> would do.</summary>
    /// <exception cref="GatewayStartException">It would not.</exception>
    public static void Check(GatewayOptions options, TimeProvider time)
    {
        if (UsesKeys(options) && new KeyFile(options.Data.Folder, time).Read().Count == 0 && !options.AllowAnonymous
            && OpenAddress(options) is { } open)
            throw IsOpen(open);
    }

    private static ConfigurationException IsOpen(string address) => new(
        $"{address} can be reached from other machines, and there is no key, so everyone could use the gateway; make one with 'chasqui keys add NAME', "
        + "or let everyone in with --allow-anonymous or Keys:AllowAnonymous");

    /// <summary>An engine of a gateway is reached through a file that only its user can open, and the gateway has asked for the key.</summary>
    private static bool UsesKeys(GatewayOptions options) => !(options.IsEngineAlone && options.Wire.Resolve(options.Http).All(listen => listen.UnixPath is not null));

    /// <summary>The first address that other machines can reach; null for none.</summary>
    private static string? OpenAddress(GatewayOptions options) =>
        options.Http.Endpoints.FirstOrDefault(endpoint => !IPAddress.IsLoopback(endpoint.Address))?.ToString()
        ?? options.Wire.Resolve(options.Http).FirstOrDefault(listen => listen.Endpoint is { } endpoint && !IPAddress.IsLoopback(endpoint.Address))?.ToString();

    [LoggerMessage(Level = LogLevel.Warning, Message = "there is no key, so whoever reaches {Address} can use this gateway")]
    private static partial void LogOpen(ILogger logger, string address);
}
