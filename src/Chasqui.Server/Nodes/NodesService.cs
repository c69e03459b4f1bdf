using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>Begins to ask the nodes what they have when the gateway starts, and lets them follow the settings.</summary>
internal sealed class NodesService(NodeSet nodes, IGatewaySettings settings, GatewayOptions options, GatewayTelemetry telemetry, ChannelHub hub, IHostApplicationLifetime lifetime) : IHostedLifecycleService
{
    private IDisposable? _listening;
    private CancellationTokenRegistration _stopping;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Not before the gateway listens: one that cannot shall start no worker.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        // An engine alone has nothing to choose from.
        if (options.IsEngineAlone)
            return Task.CompletedTask;
        nodes.StateChanged = new NodeEvents(hub).Publish;
        nodes.Start();
        telemetry.ModelExists = model => nodes.Catalogue.Having(ModelNames.Canonical(model)).Count > 0;
        telemetry.AddNodes(() => nodes.All.Where(node => node.Report is not null || node.Options.Kind == NodeKind.Embedded).Select(Measure));
        _stopping = lifetime.ApplicationStopping.Register(nodes.ReleaseKept);
        _listening = settings.OnChange(changed => nodes.Apply(NodeList.Complete(changed, options.EngineEnabled)));
        return Task.CompletedTask;
    }

    private static NodeMeasure Measure(Node node) => new()
    {
        Name = node.Name,
        State = node.Health.State switch
        {
            NodeState.Up => NodeMeasure.Up,
            NodeState.Returning => NodeMeasure.Returning,
            _ => NodeMeasure.Down,
        },
        Breaker = node.Health.State switch
        {
            NodeState.Paused => NodeMeasure.Open,
            NodeState.Trial => NodeMeasure.HalfOpen,
            _ => NodeMeasure.Closed,
        },
        Active = node.InFlight,
        Slots = node.Report?.Slots ?? node.Options.Slots,
        ResidentModels = node.Report?.Resident.Count,
    };

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _stopping.Dispose();
        _listening?.Dispose();
        return Task.CompletedTask;
    }
}
