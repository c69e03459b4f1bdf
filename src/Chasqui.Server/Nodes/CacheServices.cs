using Chasqui.Gateway.Caching;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The parts that keep answers.</summary>
internal static class CacheServices
{
    public static IServiceCollection AddCache(this IServiceCollection services, GatewayOptions options)
    {
        if (options.Cache.Redis.Length > 0)
        {
            services.AddSingleton<ISharedStore>(provider =>
                new RedisStore(options.Cache.Redis, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<RedisStore>>()));
        }
        services.AddSingleton<ModelVersions>();
        services.AddSingleton(provider =>
        {
            var cache = new AnswerCache(() => provider.GetRequiredService<NodeSet>().Settings.Cache, provider.GetRequiredService<TimeProvider>(), provider.GetService<ISharedStore>());
            provider.GetRequiredService<GatewayTelemetry>().WatchCache(() => cache.Bytes);
            return cache;
        });
        services.AddSingleton<CachedEmbeddings>();
        return services;
    }
}
