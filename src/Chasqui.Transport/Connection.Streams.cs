using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>How streams begin and end.</summary>
public sealed partial class Connection
{
    /// <summary>Opens the stream, or gives what is to be waited for.</summary>
    private TaskCompletionSource? TryOpen(Call call, HeaderList headers, ReadOnlyMemory<byte> message, bool end, bool granted = false)
    {
        ArgumentNullException.ThrowIfNull(headers);
        lock (Gate)
        {
            if (_reason is { } reason)
                throw new ConnectionClosedException(reason.Code, reason.Reason, mayRetry: true);
            if (Peer is null)
                throw new InvalidOperationException("The connection is not open yet.");
            if (_draining || _nextId > int.MaxValue)
                throw new ConnectionClosedException(ErrorCode.NoError, "the connection is draining", mayRetry: true);
            if (_outgoing >= Peer.MaxStreams || (!granted && _openWaiters is { Count: > 0 }))
            {
                _openWaiters ??= new Queue<TaskCompletionSource>();
                if (_openWaiters.Count >= Options.MaxWaitingCalls)
                    throw new StreamException(ErrorCode.Refused, $"{_openWaiters.Count} calls are waiting for a free stream");
                var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _openWaiters.Enqueue(wait);
                return wait;
            }

            call.Id = _nextId;
            _nextId += 2;
            _outgoing++;
            call.IsOpen = true;
            call.SendCredit = Peer.StreamCredit;
            call.Window = Options.Settings.StreamCredit;
            _calls.Add(call.Id, call);
            Sender.Open(call, headers, message, end);
            return null;
        }
    }

    private static async ValueTask WaitForStream(TaskCompletionSource wait, CancellationToken ct)
    {
        using var registration = ct.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), wait);
        await wait.Task.ConfigureAwait(false);
    }

    /// <summary>Whether this side has opened a stream with that id. Under the gate.</summary>
    internal bool HasOpened(uint id) => id < _nextId;

    /// <summary>A stream the peer opens. Under the gate.</summary>
    /// <returns>The call, or null if it was refused.</returns>
    internal IncomingCall? Accept(uint id, StreamPriority priority, HeaderList headers, ErrorCode refuse, string why)
    {
        if (refuse == ErrorCode.NoError && (Handler is null || _draining || _reason is not null))
            (refuse, why) = (ErrorCode.Refused, Handler is null ? "no streams are taken here" : "the connection is draining");
        if (refuse == ErrorCode.NoError && _incoming >= Options.Settings.MaxStreams)
            (refuse, why) = (ErrorCode.Refused, $"{_incoming} streams are open");
        if (refuse != ErrorCode.NoError)
        {
            if (_reason is null)
                Outbox.Frames.AppendReset(id, refuse, why);
            return null;
        }

        var call = new IncomingCall(this, priority, headers)
        {
            Id = id,
            IsOpen = true,
            SendCredit = Peer!.StreamCredit,
            Window = Options.Settings.StreamCredit,
        };
        _incoming++;
        _calls.Add(id, call);
        return call;
    }

    /// <summary>This side has sent its END. Under the gate.</summary>
    internal void OnSentEnd(Call call)
    {
        call.SentEnd = true;
        if (call.RemoteEnded)
        {
            Remove(call);
            _loop.Remember(call.Id);
        }
        else if (call is IncomingCall)
        {
            // The answer is complete; the rest of the request is of no use.
            Outbox.Frames.AppendReset(call.Id, ErrorCode.NoError, "");
            call.RemoteEnded = true;
            Remove(call);
            call.DropIncomplete();
            call.OnRemoteEnd();
        }
    }

    /// <summary>The peer has sent its END. Under the gate.</summary>
    internal void OnRemoteEnd(Call call)
    {
        call.RemoteEnded = true;
        if (call.SentEnd)
        {
            Remove(call);
            _loop.Remember(call.Id);
        }

        call.OnRemoteEnd();
    }

    /// <summary>The peer does not want the rest of the request. Under the gate.</summary>
    internal void OnStopSending(Call call)
    {
        call.SentEnd = true;
        call.HasPending = false;
        call.Pending = default;
        call.Writer?.TrySet(true);
        Remove(call);
    }

    /// <summary>Takes a stream out of the connection. Under the gate.</summary>
    internal void Remove(Call call)
    {
        if (!call.IsOpen)
            return;
        call.IsOpen = false;
        _calls.Remove(call.Id);
        if (call is IncomingCall)
        {
            _incoming--;
        }
        else
        {
            _outgoing--;
            while (_openWaiters is not null && _openWaiters.TryDequeue(out var waiter) && !waiter.TrySetResult())
            {
                // One that was given up takes nobody's place.
            }
        }

        if (_draining && _calls.Count == 0)
            ThreadPool.UnsafeQueueUserWorkItem(static c => c.OnDrained(), this, preferLocal: false);
    }

    /// <summary>The stream ends in error without a word to the peer. Under the gate; <see cref="Call.AfterFailed"/> follows outside.</summary>
    internal void Fail(Call call, Exception error)
    {
        Remove(call);
        call.HasPending = false;
        call.Pending = default;
        call.DropIncomplete();
        if (call is UnaryCall { Body: { } body } unary && !unary.RemoteEnded)
            body.Free();
        call.OnFailed(error);
    }

    internal void ResetByUs(Call call, ErrorCode code, string reason, Exception? error = null)
    {
        lock (Gate)
        {
            if (!call.IsOpen)
                return;
            if (_reason is null)
                Outbox.Frames.AppendReset(call.Id, code, reason);
            Fail(call, error ?? new StreamException(code, reason));
        }

        call.AfterFailed();
        Outbox.Flush();
    }

    internal void Reuse(UnaryCall call)
    {
        lock (Gate)
        {
            // The reply may come before all of the request has left. The peer may still send frames for such a call, so it is not used for
            // another one.
            if (call.IsOpen || call.HasPending || call.IsQueued || _reason is not null || _reusable is { Count: >= MaxReusable })
                return;
            call.Clean();
            (_reusable ??= new Stack<UnaryCall>()).Push(call);
        }
    }

    /// <summary>Runs the handler; on the read loop until its first real await.</summary>
    internal void Run(IncomingCall call)
    {
        ValueTask task;
        try
        {
            task = Handler!(call);
            if (task.IsCompletedSuccessfully)
            {
                // Completed, so this does not block; it frees what is behind the task.
                task.GetAwaiter().GetResult();
                HandlerIsOver(call, null);
                return;
            }
        }
        catch (Exception e)
        {
            HandlerIsOver(call, e);
            return;
        }

        _ = FinishAsync(call, task);
    }

    private async Task FinishAsync(IncomingCall call, ValueTask task)
    {
        Exception? error = null;
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            error = e;
        }

        HandlerIsOver(call, error);
    }

    private void HandlerIsOver(IncomingCall call, Exception? error)
    {
        var unanswered = false;
        lock (Gate)
        {
            unanswered = call.IsOpen && !call.SentEnd && !(call.HasPending && call.PendingEnd);
            call.Discard();
        }

        if (unanswered)
        {
            if (error is not null)
                LogHandler(Options.Logger, error);
            ResetByUs(
                call,
                error is StreamException s ? s.Code : ErrorCode.Internal,
                error is StreamException t ? t.Reason : error is null ? "the handler ended without an answer" : "the handler failed");
        }
        else
        {
            Outbox.FlushIfUrgent();
        }
    }

    [Microsoft.Extensions.Logging.LoggerMessage(Level = Microsoft.Extensions.Logging.LogLevel.Warning, Message = "A stream's handler failed")]
    private static partial void LogHandler(Microsoft.Extensions.Logging.ILogger logger, Exception error);
}
