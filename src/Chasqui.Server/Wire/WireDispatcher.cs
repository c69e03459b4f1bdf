using Chasqui.Protocol;
using Chasqui.Protocol.Messages;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Answers the calls of all connections: finds the operation, watches its deadline, and tells errors. Thread-safe.</summary>
internal sealed partial class WireDispatcher
{
    private readonly Dictionary<string, WireOperation> _operations;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <param name="operations">By the value of <c>op</c>.</param>
    /// <param name="time">For deadlines.</param>
    /// <param name="logger">For failures that nobody foresaw.</param>
    public WireDispatcher(IEnumerable<KeyValuePair<string, WireOperation>> operations, TimeProvider time, ILogger logger)
    {
        _operations = new(operations, StringComparer.Ordinal);
        _operations.TryAdd(Protocol.Operations.Operation.ServerInfo, ServerInformation.Operation([.. _operations.Keys]));
        _time = time;
        _logger = logger;
    }

    /// <summary>The handler of a connection.</summary>
    public async ValueTask HandleAsync(IncomingCall call)
    {
        // Engines render, tokenize and look into files: not on the loop that reads for everybody.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var answer = new WireAnswer(call);
        var began = _time.GetTimestamp();
        CancellationTokenSource? deadline = null;
        CancellationTokenSource? either = null;
        try
        {
            var op = call.Headers["op"];
            if (op is null || !_operations.TryGetValue(op, out var operation))
            {
                await answer.FailAsync(404, Unknown(op)).ConfigureAwait(false);
                return;
            }

            var aborted = call.Aborted;
            if (WireRequest.Deadline(call) is { } time)
            {
                deadline = new CancellationTokenSource(time, _time);
                either = CancellationTokenSource.CreateLinkedTokenSource(aborted, deadline.Token);
                aborted = either.Token;
            }

            await operation(call, answer, aborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline is { IsCancellationRequested: true })
        {
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
        catch (Exception e)
        {
            if (e is not (EngineException or NotSupportedException))
                Failed(call.Headers["op"], e);
            await TellAsync(answer, e).ConfigureAwait(false);
        }
        finally
        {
            either?.Dispose();
            deadline?.Dispose();
            // What goes through the pipeline of HTTP is logged there.
            var op = call.Headers["op"] ?? "";
            if (op != Protocol.Operations.Operation.Http && _logger.IsEnabled(LogLevel.Information))
            {
                var milliseconds = _time.GetElapsedTime(began).TotalMilliseconds;
                Ended(_operations.ContainsKey(op) ? op : "?", answer.Outcome, milliseconds);
            }
        }
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

    [LoggerMessage(Level = LogLevel.Information, Message = "MCP {Operation} {Outcome} {Milliseconds:0.0} ms")]
    private partial void Ended(string operation, string outcome, double milliseconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "Operation {Operation} failed")]
    private partial void Failed(string? operation, Exception exception);
}

/// <summary>One operation of docs/protocol.md, section 10. Throws what an engine throws; the dispatcher tells it.</summary>
internal delegate ValueTask WireOperation(IncomingCall call, WireAnswer answer, CancellationToken cancellationToken);
