using Chasqui.Engines.Http;
using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Requests;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Sends a request to the node where it is answered soonest: as it is where the node speaks the language of the API, else by its types. What fails before
/// anything of an answer was passed on goes to another node.
/// </summary>
internal sealed partial class DispatchEndpoint(
    ApiContext api, Dispatcher dispatcher, ModelRules rules, MeasuredEngine measured, GenerationSharing sharing, Generations generations, ILogger<DispatchEndpoint> logger)
{
    /// <summary>Names the node that a request is for, and the one that answered.</summary>
    public const string NodeHeader = "X-Chasqui-Node";

    /// <summary>Asks why a node was chosen.</summary>
    public const string ExplainHeader = "X-Chasqui-Explain";

    /// <summary>Tells why.</summary>
    public const string RouteHeader = "X-Chasqui-Route";

    public async Task InvokeAsync(Route route, HttpContext http)
    {
        if (route.Operation is "chat" or "text_completion" && ResumeHeaders.Wants(http.Request))
        {
            var whole = await api.ReadRawBodyAsync(http).ConfigureAwait(false);
            await generations.AnswerAsync(http, whole, inner => InvokeAsync(route, inner)).ConfigureAwait(false);
            return;
        }
        var state = RequestState.Of(http);
        // A run that several callers share has the body of the one that began it.
        using var read = state.Body is null ? await api.ReadRawBodyAsync(http).ConfigureAwait(false) : null;
        var body = state.Body ??= read!.Memory;
        if (!RequestScan.TryRead(body, route.Dialect, out var scan, out _))
        {
            // The API's own reader says what is wrong, or is more lenient.
            await route.Handler(api, http).ConfigureAwait(false);
            return;
        }
        using (scan)
        {
            if (!scan.Session.IsEmpty && (route.Operation is "chat" or "text_completion"))
                SessionMember.Apply(scan.Session, http.Request);
            // What was said before is known here alone, and a node has to be told it; what is the gateway's own is not for a node at all.
            if (!scan.Session.IsEmpty || SessionHeaders.Names(http.Request))
            {
                await route.Handler(api, http).ConfigureAwait(false);
                return;
            }
            // A request without a prompt loads or unloads, which is no matter of one node alone.
            if (string.IsNullOrEmpty(scan.Model) || MayMerge(route, scan.Model, body.Span) || (route.Dialect == Dialects.Ollama && route.Path != ShowPath && scan.PromptCharacters == 0 && !scan.HasImages))
                await route.Handler(api, http).ConfigureAwait(false);
            else if (!Passes(route, body.Span))
            {
                await AdmitAsync(route, http, scan).ConfigureAwait(false);
                await RunAsync(route, http, state, scan, Dialects.None).ConfigureAwait(false);
            }
            else if (sharing.Shares(route, http, scan))
            {
                // Each caller for itself, also one that gets an answer which was made for another.
                await AdmitAsync(route, http, scan).ConfigureAwait(false);
                await sharing.AnswerAsync(route, http, scan, (inner, shared) => RunAsync(route, inner, shared)).ConfigureAwait(false);
            }
            else
            {
                await AdmitAsync(route, http, scan).ConfigureAwait(false);
                await RunAsync(route, http, state, scan, route.Dialect).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether the request may go to a node as it is, and be answered with others: not where its answer is kept, whose name is then one client's own.</summary>
    private bool Passes(Route route, ReadOnlySpan<byte> body) =>
        route.Dialect != Dialects.OpenAiResponses || ResponseBody.IsPlain(body, mayKeep: api.Archive is { IsOpen: true });

    private ValueTask AdmitAsync(Route route, HttpContext http, RequestScan scan)
    {
        api.Gate.EnsureTemplate(scan.HasTemplate && route.Operation == "text_completion");
        if (route.Operation is not null || route.CountsTokens)
            return api.Gate.AdmitAsync(scan.Model!, scan.PromptCharacters, route.Operation is "embeddings" or null ? CallerGate.NoAnswer : scan.MaxTokens, scan.Answers, http.RequestAborted);
        api.Gate.Ensure(scan.Model!);
        return default;
    }

    /// <summary>A request that stands for several, each of which was read already.</summary>
    private async Task RunAsync(Route route, HttpContext http, ReadOnlyMemory<byte> body)
    {
        if (!RequestScan.TryRead(body, route.Dialect, out var scan, out var fault))
            throw new InvalidRequestException(fault.Reason);
        using (scan)
            await RunAsync(route, http, RequestState.Of(http), scan, route.Dialect).ConfigureAwait(false);
    }

    /// <summary>What goes to a node together with others is read, as far as it can be said by types.</summary>
    private bool MayMerge(Route route, string model, ReadOnlySpan<byte> body) =>
        route.Path is "/api/embed" or "/v1/embeddings" && dispatcher.Nodes.Settings is { Merging.Strategy: not MergeStrategy.Realtime } or { Cache.Enabled: true }
        && EmbeddingBody.IsPlain(body, route.Dialect) && MakesVectors(rules.Resolve(model));

    /// <summary>What cannot be done anyway is refused by a node in its own words.</summary>
    private bool MakesVectors(string model)
    {
        foreach (var node in dispatcher.Nodes.Catalogue.Having(model))
        {
            if (node.Find(model) is { Capabilities: { Count: > 0 } known } && !known.Contains("embedding"))
                return false;
        }
        return true;
    }

    private const string ShowPath = "/api/show";

    private async Task RunAsync(Route route, HttpContext http, RequestState state, RequestScan scan, Dialects dialect)
    {
        state.Model = scan.Model!;
        var tokens = (int)Math.Min(int.MaxValue, scan.PromptCharacters / RouteRequest.CharactersPerToken);
        var model = rules.Resolve(scan.Model!);
        var request = new RouteRequest
        {
            Model = model,
            AskedFor = scan.Model,
            Node = http.Request.Headers[NodeHeader] is [{ Length: > 0 } named, ..] ? named : null,
            PromptTokens = tokens,
            MaxTokens = scan.MaxTokens,
            Blocks = dispatcher.BlocksOf(model, scan.Prefixes),
            Dialect = dialect,
            Loads = route.Path is not (ShowPath or "/v1/messages/count_tokens"),
        };
        var way = dispatcher.Begin(request);
        using var passage = new PassageAttempt(http, route, scan, rules.PolicyOf(request.Model), dispatcher.Nodes.Routing.KeepAliveInterval, api.Time);
        way.Silence = passage.Silence;
        while (true)
        {
            using var lease = await way.NextAsync(http.RequestAborted).ConfigureAwait(false);
            Tell(http, state, lease);
            var failure = await AttemptAsync(route, http, state, lease, way, passage, scan).ConfigureAwait(false);
            if (failure is null)
                return;
            LogRetry(lease.Node.Name, request.Model, failure.Message);
        }
    }

    /// <returns>Null when the request was answered; else why it goes to another node.</returns>
    private async ValueTask<EngineException?> AttemptAsync(
        Route route, HttpContext http, RequestState state, NodeLease lease, Gateway.Dispatch.Route way, PassageAttempt passage, RequestScan scan)
    {
        EngineException failure;
        try
        {
            if (Passes(lease, scan))
            {
                NodeGuard.Check(lease.Node, scan);
                if (lease.Reason.Attempt == 1)
                    Asks(route, state);
                var hedgeAfter = HedgeAfter(route, lease.Request, scan);
                var failed = await passage.RunAsync(lease, way, hedgeAfter, hedgeAfter > TimeSpan.Zero ? Teller(http, state) : null).ConfigureAwait(false);
                if (!passage.TakeIgnoredChoice())
                    return failed;
                // The client has heard nothing of that answer. The same node is asked again by types, and held to the form of a call.
                if (lease.Node.NoteIgnoredToolChoice(lease.ModelName))
                    LogIgnoredChoice(lease.Node.Name, lease.ModelName);
            }
            state.Engine = measured.Over(new ContinuingEngine(lease, way, rules.PolicyOf, changes => http.Response.Headers[OptionChange.HeaderName] = OptionChange.Header(changes)));
            await route.Handler(api, http).ConfigureAwait(false);
            lease.Succeeded();
            return null;
        }
        catch (Exception e) when (lease.FailureOf(e) is { } why)
        {
            failure = why;
        }
        lease.Ended(failure);
        if (passage.HasBegun)
        {
            if (passage.ToGoOn(way, failure) is { } said)
            {
                await GoOnAsync(route, http, state, way, said, failure).ConfigureAwait(false);
                return null;
            }
            if (!await passage.BreakOffAsync().ConfigureAwait(false))
                throw failure;
            state.Failure = failure;
            state.Measure?.Failed(WireErrors.CodeOf(failure));
            LogBroken(lease.Node.Name, state.Model, failure.Message);
            return null;
        }
        if ((http.Response.HasStarted && !passage.OnlySilence) || !way.MayRetry(lease, failure))
            throw failure;
        return failure;
    }

    /// <summary>Whether the node takes the request as it is: it speaks its language, and all that is asked for in it.</summary>
    private static bool Passes(NodeLease lease, RequestScan scan) =>
        (lease.Node.Dialects & lease.Request.Dialect) != 0 && !scan.AsksAnthropic && !(scan.ChoosesTools && lease.Node.IgnoresToolChoice)
        && !(scan.ForcesCall && lease.Node.HasIgnoredToolChoice(lease.ModelName))
        && !(scan.OnlyRenders && lease.Node.IgnoresRenderOnly);

    /// <summary>The rest of an answer that a node broke off which had passed by unread: it is read from now on.</summary>
    private async ValueTask GoOnAsync(Route route, HttpContext http, RequestState state, Gateway.Dispatch.Route way, PassedAnswer said, EngineException failure)
    {
        // What came with the break is not sent yet.
        if (!said.Answer.IsEmpty)
            await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        state.Start = said.Start;
        state.Engine = measured.Over(new ContinuingEngine(way, rules.PolicyOf, said.Answer, failure));
        try
        {
            await route.Handler(api, http).ConfigureAwait(false);
        }
        catch (EngineException e) when (e is not EngineFailedException)
        {
            throw new EngineFailedException($"the answer was interrupted ({failure.Message}) and cannot be gone on with elsewhere: {e.Message}", e);
        }
    }

    /// <summary>Only what costs a node little is sent to two.</summary>
    private TimeSpan HedgeAfter(Route route, RouteRequest request, RequestScan scan) =>
        request.Loads && !scan.ForcesCall && !NodeGuard.Concerns(scan) && (route.Operation == "embeddings" || request.PromptTokens <= RoutingOptions.ShortPrompt) ? dispatcher.Nodes.Routing.HedgeAfter : TimeSpan.Zero;

    /// <summary>What passes by unread is seen all the same.</summary>
    private void Asks(Route route, RequestState state)
    {
        if (route.Operation is null || state.Measure is not { } measure)
            return;
        measure.Asks(route.Operation, state.Model);
        if (measured.SeesPrompts)
            measured.Asked(System.Text.Encoding.UTF8.GetString(state.Body!.Value.Span));
    }

    private Action<NodeLease> Teller(HttpContext http, RequestState state) => lease => Tell(http, state, lease);

    private void Tell(HttpContext http, RequestState state, NodeLease lease)
    {
        state.Node = lease.Node.Name;
        if (logger.IsEnabled(LogLevel.Debug))
            LogRoute(lease.Model, lease.Node.Name, lease.Reason);
        if (http.Response.HasStarted)
            return;
        http.Response.Headers[NodeHeader] = lease.Node.Name;
        QueueHeaders.Tell(http.Response.Headers, state.Measure);
        if (RouteExplanation.IsWanted(http))
            http.Response.Headers[RouteHeader] = lease.Reason.ToString();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Model {Model} goes to node {Node}: {Reason}")]
    private partial void LogRoute(string model, string node, RouteReason reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} gave an answer of model {Model} up in the middle: {Reason}")]
    private partial void LogBroken(string node, string model, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Node {Node} answered a request for model {Model} without the tool call that it demanded. Such requests are translated for this model from now on, and held to the form of a call")]
    private partial void LogIgnoredChoice(string node, string model);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} failed before it answered for model {Model}, so another one is asked: {Reason}")]
    private partial void LogRetry(string node, string model, string reason);
}
