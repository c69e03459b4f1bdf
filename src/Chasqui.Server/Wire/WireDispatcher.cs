using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol;
using Chasqui.Protocol.Messages;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Answers the calls of all connections: finds the operation, watches its deadline, and tells errors. Thread-safe.</summary>
internal sealed partial class WireDispatcher
{
    private readonly Dictionary<string, WireOperation> _operations;
    private readonly KeyRing _keys;
    private readonly CallerLoads _loads;
    private readonly RefusalCounts _refusals;
    private readonly IGatewaySettings _settings;
    private readonly GatewayTelemetry _telemetry;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <param name="operations">By the value of <c>op</c>.</param>
    /// <param name="keys">Whose calls are answered.</param>
    /// <param name="loads">Counts what each caller has under way.</param>
    /// <param name="refusals">Counts requests that do not come in time.</param>
    /// <param name="settings">Has the limits.</param>
    /// <param name="telemetry">Measures each call, but those of HTTP, which the pipeline of HTTP measures.</param>
    /// <param name="time">For deadlines.</param>
    /// <param name="logger">For failures that nobody foresaw.</param>
    public WireDispatcher(
        IEnumerable<KeyValuePair<string, WireOperation>> operations, KeyRing keys, CallerLoads loads, RefusalCounts refusals, IGatewaySettings settings, GatewayTelemetry telemetry,
        TimeProvider time, ILogger logger)
    {
        _operations = new(operations, StringComparer.Ordinal);
        _operations.TryAdd(Protocol.Operations.Operation.ServerInfo, ServerInformation.Operation([.. _operations.Keys]));
        (_keys, _loads, _refusals, _settings) = (keys, loads, refusals, settings);
        _telemetry = telemetry;
        _time = time;
        _logger = logger;
    }

    /// <summary>The handler of a connection.</summary>
    public async ValueTask HandleAsync(IncomingCall call)
    {
        // Engines render, tokenize and look into files: not on the loop that reads for everybody.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var answer = new WireAnswer(call);
        var op = call.Headers["op"];
        var measure = op == Protocol.Operations.Operation.Http ? null : Begin(call, op);
        answer.Measure = measure;
        if (measure is not null)
            measure.GiveUp = why => call.Reset(ErrorCode.Deadline, why);
        using var scope = measure is null ? null : _logger.BeginScope(measure);
        CancellationTokenSource? deadline = null;
        CancellationTokenSource? either = null;
        CallPatience? patience = null;
        CallerLoad? load = null;
        try
        {
            WireFields.EnsureOnce(call.Headers);
            if (op is null || !_operations.TryGetValue(op, out var operation))
            {
                await answer.FailAsync(404, Unknown(op)).ConfigureAwait(false);
                return;
            }

            var caller = call.Connection.Identity is Caller shown ? _keys.Renew(shown) : null;
            if (caller is null)
                throw new UnauthenticatedException("the key of this connection is not taken any more");
            // What goes through the pipeline of HTTP is checked there.
            if (measure is not null)
            {
                measure.Caller = caller;
                CallerGate.Ensure(caller, WireScopes.Of(op));
                load = Enter(call, op, caller);
            }

            if (!call.RequestEnded && call.Connection.Budget is not null)
                patience = new CallPatience(call, measure is null && HttpPassage.IsEndless(call), _settings.Current.Limits.Load, _refusals, _time);

            var aborted = call.Aborted;
            if (WireRequest.Deadline(call) is { } time)
            {
                deadline = new CancellationTokenSource(time, _time);
                either = CancellationTokenSource.CreateLinkedTokenSource(aborted, deadline.Token);
                aborted = either.Token;
            }

            if (measure is not null)
                WireRequest.Queue(call, measure);
            await operation(call, answer, aborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline is { IsCancellationRequested: true })
        {
            measure?.Failed("deadline");
            call.Reset(ErrorCode.Deadline, "the deadline has passed");
        }
        catch (OperationCanceledException) when (call.Aborted.IsCancellationRequested)
        {
            call.Reset(ErrorCode.Cancelled, "");
        }
        catch (Exception e) when (e is StreamException or ConnectionClosedException)
        {
            // Nobody is left to tell.
            call.Reset(ErrorCode.Cancelled, "");
        }
        catch (Exception thrown)
        {
            var e = CallerGate.Hide(thrown);
            measure?.Failed(WireErrors.CodeOf(e));
            if (e is not (EngineException or NotSupportedException))
                Failed(op, e);
            await TellAsync(answer, e).ConfigureAwait(false);
        }
        finally
        {
            patience?.Dispose();
            if (load is not null)
                Leave(load, op!, answer);
            either?.Dispose();
            deadline?.Dispose();
            // What goes through the pipeline of HTTP is logged there.
            if (measure is not null)
                End(measure, answer);
        }
    }

    /// <summary>Counts the call for its caller; null where nothing is counted.</summary>
    private CallerLoad? Enter(IncomingCall call, string op, Caller caller)
    {
        if (call.Connection.Budget is not ConnectionBudget { Load: var load })
            return null;
        // The connection, which has the load, outlives its calls.
        if (op == Protocol.Operations.Operation.ChannelSubscribe)
            _loads.EnterSubscription(load, caller);
        else
            _loads.EnterRequest(load, caller, WireGenerations.MayComeBack(call, op));
        return load;
    }

    private void Leave(CallerLoad load, string op, WireAnswer answer)
    {
        if (answer.Kept is { } kept)
            kept.Left();
        else if (op == Protocol.Operations.Operation.ChannelSubscribe)
            _loads.LeaveSubscription(load);
        else
            _loads.LeaveRequest(load);
    }

    private RequestMeasure Begin(IncomingCall call, string? op)
    {
        var known = op is not null && _operations.ContainsKey(op) ? op : null;
        return _telemetry.Begin(new RequestOrigin("mcp", known ?? TelemetryNames.OtherModel, known ?? "mcp")
        {
            RequestId = call.Headers["request-id"],
            TraceParent = call.Headers["traceparent"],
            TraceState = call.Headers["tracestate"],
        });
    }

    private void End(RequestMeasure measure, WireAnswer answer)
    {
        measure.Bytes(0, answer.SentBytes);
        var (outcome, code) = answer.Outcome switch
        {
            "200" => (RequestOutcome.Ok, null),
            "cancelled" => (measure.Error is null ? RequestOutcome.Cancelled : RequestOutcome.Failed, null),
            [>= '4' and < '5', ..] => (RequestOutcome.Refused, answer.Outcome),
            _ => (RequestOutcome.Failed, answer.Outcome),
        };
        measure.Settle(outcome);
        var level = RoutineRequests.LevelOf(measure.Route, answer.Outcome);
        if (_logger.IsEnabled(level))
            RequestEntry.Log(_logger, level, new RequestEntry("MCP", measure.Route, answer.Outcome, measure));
        measure.Ended(outcome, code);
    }

    private static async ValueTask TellAsync(WireAnswer answer, Exception exception)
    {
        try
        {
            await answer.FailAsync(exception).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StreamException or ConnectionClosedException)
        {
            // The one who asked has left meanwhile.
        }
    }

    private Error Unknown(string? op) => new()
    {
        Code = "invalid_request",
        Message = op is null
            ? "the request has no field \"op\""
            : $"op \"{op}\" is not known here; there are {string.Join(", ", _operations.Keys.Order(StringComparer.Ordinal))}",
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "Operation {Operation} failed")]
    private partial void Failed(string? operation, Exception exception);
}

/// <summary>One operation of docs/protocol.md, section 10. Throws what an engine throws; the dispatcher tells it.</summary>
internal delegate ValueTask WireOperation(IncomingCall call, WireAnswer answer, CancellationToken cancellationToken);
