using Chasqui.Gateway;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The parts that send requests to nodes.</summary>
internal static class NodeServices
{
    public static IServiceCollection AddNodes(this IServiceCollection services, GatewayOptions options)
    {
        services.AddSingleton<NodeConnector>();
        services.AddSingleton(provider => new NodeSet(
            NodeList.Complete(provider.GetRequiredService<IGatewaySettings>().Current, options.EngineEnabled),
            provider.GetRequiredService<NodeConnector>().Connect,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NodeSet>>()));
        services.AddSingleton<ModelRules>();
        services.AddSingleton<Dispatcher>();
        services.AddSingleton<IEmbeddingUpstream, NodesUpstream>();
        services.AddSingleton(provider => new EmbeddingMerger(
            provider.GetRequiredService<IEmbeddingUpstream>(), () => provider.GetRequiredService<NodeSet>().Settings, provider.GetRequiredService<TimeProvider>()));
        services.AddCache(options);
        services.AddSingleton<NodesEngine>();
        services.AddSingleton<GenerationSharing>();
        services.AddSingleton<Generations>();
        services.AddSingleton<DispatchEndpoint>();
        services.AddSingleton<WireRelay>();
        services.AddSingleton<WireSharing>();
        services.AddHostedService<NodesService>();
        return services;
    }
}
