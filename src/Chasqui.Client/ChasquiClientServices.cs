using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Chasqui.Client;

/// <summary>A client as a service.</summary>
public static class ChasquiClientServices
{
    /// <summary>Adds one <see cref="ChasquiClient"/> for the application, and unless there are others, an <see cref="IChatClient"/> and an
    /// embedding generator over it. It connects when it is first used.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options; they are checked when the client is made.</param>
    public static IServiceCollection AddChasquiClient(this IServiceCollection services, Action<ChasquiClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions();
        if (configure is not null)
            services.Configure(configure);
        services.TryAddSingleton(provider => new ChasquiClient(
            provider.GetRequiredService<IOptions<ChasquiClientOptions>>().Value,
            provider.GetService<ILogger<ChasquiClient>>(),
            provider.GetService<TimeProvider>()));
        services.TryAddSingleton<IChatClient>(provider => new ChasquiChatClient(provider.GetRequiredService<ChasquiClient>()));
        services.TryAddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(
            provider => new ChasquiEmbeddingGenerator(provider.GetRequiredService<ChasquiClient>()));
        return services;
    }
}
