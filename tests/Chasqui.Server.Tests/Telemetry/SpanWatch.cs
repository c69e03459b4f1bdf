using System.Collections.Concurrent;
using System.Diagnostics;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests;

/// <summary>Listens to the spans of some gateways, and of no other in this process.</summary>
internal sealed class SpanWatch : IDisposable
{
    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;

    public SpanWatch(params IEnumerable<GatewayTelemetry> gateways)
    {
        var sources = gateways.Select(gateway => gateway.Source).ToHashSet();
        _listener = new ActivityListener
        {
            ShouldListenTo = sources.Contains,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public static SpanWatch Of(params IEnumerable<RunningGateway> gateways) =>
        new(gateways.Select(gateway => gateway.App.Services.GetRequiredService<GatewayTelemetry>()));

    /// <summary>The spans once there are that many: a client has its answer before the gateway has done its sums.</summary>
    public async Task<IReadOnlyList<Activity>> EndedAsync(int count)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (_ended.Count < count)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return [.. _ended];
    }

    public void Dispose() => _listener.Dispose();
}
