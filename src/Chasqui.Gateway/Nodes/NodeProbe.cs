using Microsoft.Extensions.Logging;

namespace Chasqui.Gateway.Nodes;

/// <summary>Asks a node what it has, and an idle one for a token now and then. Thread-safe.</summary>
internal sealed partial class NodeProbe(TimeProvider time, ILogger logger)
{
    /// <summary>Asks what it has.</summary>
    /// <remarks>That a node answers here says nothing about its generation, so a good answer does not make it healthy; that it does not answer makes it unhealthy.</remarks>
    public async Task ReportAsync(Node node, Func<ModelSummary, string?> nameOf, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(node.Options.Timeouts.Connect, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var before = node.InFlight;
            var changes = node.Changes;
            var report = await node.Connection.ReportAsync(limit.Token).ConfigureAwait(false);
            var isNew = node.Report is null;
            node.Reported(report, nameOf, before, changes);
            node.Health.Reached();
            // The first answer lets it in; after a pause a node is let in by a request alone.
            if (node.Health.State == NodeState.Unknown)
                node.Health.Succeeded();
            // The engine in the house is nowhere, and its models are told at the start.
            if (isNew && node.Options.Kind != NodeKind.Embedded)
                LogFound(node.Name, node.Options.Url, report.Software, report.Models.Count);
            if (isNew && report is { Server: NodeServer.Ollama, Slots: null } && node.Options.Slots is null)
                LogOneSlot(node.Name);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The gateway stops.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var reason = e is OperationCanceledException
                ? FormattableString.Invariant($"node {node.Name} does not answer within {node.Options.Timeouts.Connect.TotalSeconds:0.###} s")
                : e.Message;
            // The engine in the house has nobody else to be asked; what is wrong with it is told by the request itself.
            if (node.Options.Kind == NodeKind.Embedded)
                return;
            node.Health.Failed(reason, certain: e is EngineUnavailableException, unreachable: true);
        }
    }

    /// <summary>Asks for one token where that is due, without waiting for it.</summary>
    public void MayTry(Node node, RoutingOptions routing, CancellationToken cancellationToken)
    {
        if (routing.CanaryAfter <= TimeSpan.Zero || node.InFlight > 0 || node.Options.Kind == NodeKind.Embedded)
            return;
        // A node that its callers left in silence is asked at once, and one on trial before a caller has to find out.
        var isDue = node.IsSuspect || node.Health.State == NodeState.Trial || node.SinceProgress > routing.CanaryAfter;
        if (isDue && node.Report?.Resident is [var resident, ..] && CanGenerate(resident))
            _ = CanaryAsync(node, resident.Summary.Name, routing, cancellationToken);
    }

    private static bool CanGenerate(ResidentModel model) => model.Summary.Capabilities.Count == 0 || model.Summary.Capabilities.Contains("completion");

    private async Task CanaryAsync(Node node, string model, RoutingOptions routing, CancellationToken cancellationToken)
    {
        if (!node.Health.TryBegin(out var trial))
            return;
        var request = new RouteRequest { Model = ModelNames.Canonical(model), PromptTokens = 1 };
        using var lease = new NodeLease(node, request, new RouteReason("canary", 0, 0, 0, 0, 1, 1), time, cancellationToken, trial);
        using var timer = time.CreateBackgroundTimer(
            "canary", static lease => lease.Expire(new EngineFailedException("one token was asked of it and did not come")), lease, routing.CanaryTimeout);
        try
        {
            var ask = new ChatRequest
            {
                Model = model,
                Messages = [new ChatMessage { Role = "user", Content = "Hi" }],
                Options = new GenerationOptions { NumPredict = 1 },
            };
            await foreach (var update in node.Connection.Engine.ChatAsync(ask, lease.Token).ConfigureAwait(false))
            {
                lease.Progressed();
                if (update.Result is not null)
                    lease.Succeeded();
            }
        }
        catch (OperationCanceledException) when (lease.Explain() is { } late)
        {
            LogDead(node.Name, routing.CanaryTimeout.TotalSeconds);
            lease.Ended(late, certain: true);
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
        }
        catch (EngineException e)
        {
            lease.Ended(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} at {Url}: {Software}, {Models} models")]
    private partial void LogFound(string node, string url, string software, int models);

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} is given one request at a time, since Ollama does not tell how many it runs at once; set Slots of the node to its OLLAMA_NUM_PARALLEL")]
    private partial void LogOneSlot(string node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} says it is well but has not generated a token within {Seconds} s")]
    private partial void LogDead(string node, double seconds);
}
