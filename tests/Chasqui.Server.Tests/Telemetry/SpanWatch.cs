using System.Diagnostics;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests;

/// <summary>Listens to the spans of some gateways, and of no other in this process.</summary>
internal sealed class SpanWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Activity> _ended = [];
    private readonly ActivityListener _listener;
    private TaskCompletionSource _more = NewSignal();

    public SpanWatch(params IEnumerable<GatewayTelemetry> gateways)
    {
        var sources = gateways.Select(gateway => gateway.Source).ToHashSet();
        _listener = new ActivityListener
        {
            ShouldListenTo = sources.Contains,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public static SpanWatch Of(params IEnumerable<RunningGateway> gateways) =>
        new(gateways.Select(gateway => gateway.App.Services.GetRequiredService<GatewayTelemetry>()));

    /// <summary>The spans once there are that many: a client has its answer before the gateway has done its sums.</summary>
    /// <param name="count">How many.</param>
    /// <param name="root">Only traces that have a span of this name count; null for all.</param>
    public async Task<IReadOnlyList<Activity>> EndedAsync(int count, string? root = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            Task more;
            lock (_gate)
            {
                var roots = _ended.Where(span => span.DisplayName == root).Select(span => span.TraceId).ToHashSet();
                var ended = _ended.Where(span => root is null || roots.Contains(span.TraceId)).ToList();
                if (ended.Count >= count)
                    return ended;
                more = _more.Task;
            }

            await more.WaitAsync(limit.Token);
        }
    }

    public void Dispose() => _listener.Dispose();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Add(Activity span)
    {
        TaskCompletionSource more;
        lock (_gate)
        {
            _ended.Add(span);
            (more, _more) = (_more, NewSignal());
        }

        more.SetResult();
    }
}
