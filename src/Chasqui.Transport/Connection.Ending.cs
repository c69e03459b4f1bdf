using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>How a connection ends.</summary>
public sealed partial class Connection
{
    // How long what is already written may take to leave, and the peer to hang up, once the end is decided.
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(1);

    /// <summary>Tells the peer that no more streams are opened or taken.</summary>
    internal void SayGoodbye()
    {
        var none = false;
        lock (Gate)
        {
            if (_reason is not null)
                return;
            if (Peer is null)
            {
                none = true;
            }
            else
            {
                if (!_goodbyeSent)
                    Outbox.Frames.AppendGoodbye(_loop.LastPeerStream, ErrorCode.NoError, "");
                _goodbyeSent = _draining = true;
                none = _calls.Count == 0;
                RefuseWaiters(new ConnectionClosedException(ErrorCode.NoError, "the connection is draining", mayRetry: true));
            }
        }

        Outbox.Flush();
        if (none)
            OnDrained();
    }

    /// <summary>Ends what has not ended in time, and tells the peer of each stream; then the connection.</summary>
    private void CutOff(string why)
    {
        lock (Gate)
        {
            if (MaySend)
            {
                foreach (var call in _calls.Values)
                    Outbox.Frames.AppendReset(call.Id, call is IncomingCall ? ErrorCode.Unavailable : ErrorCode.Cancelled, why);
            }
        }

        End(new CloseReason(ErrorCode.NoError, why, ByPeer: false));
    }

    /// <summary>The peer says goodbye.</summary>
    internal void OnGoodbye(uint lastStream, ErrorCode code, string reason)
    {
        if (code != ErrorCode.NoError)
        {
            End(new CloseReason(code, reason, ByPeer: true));
            return;
        }

        List<Call> unprocessed;
        lock (Gate)
        {
            _draining = true;
            unprocessed = [.. _calls.Values.Where(c => c is not IncomingCall && c.Id > lastStream)];
            foreach (var call in unprocessed)
                Fail(call, new StreamException(ErrorCode.Refused, "the peer is going and did not process this"));
            RefuseWaiters(new ConnectionClosedException(ErrorCode.NoError, "the peer is going", mayRetry: true));
        }

        foreach (var call in unprocessed)
            call.AfterFailed();
        SayGoodbye();
    }

    internal void OnWriteFailed(string reason) =>
        End(_draining
            ? new CloseReason(ErrorCode.NoError, "", ByPeer: true)
            : new CloseReason(ErrorCode.Truncated, reason, ByPeer: true));

    /// <summary>The connection's own timer work failed. It never throws, since the timer serves all connections.</summary>
    internal void OnFault(Exception error)
    {
        try
        {
            End(new CloseReason(ErrorCode.Internal, error.Message, ByPeer: false));
        }
        catch (Exception)
        {
            // The connection is broken beyond an orderly end; its socket ends it.
        }
    }

    /// <summary>The one way out. The first reason counts.</summary>
    internal void End(CloseReason reason)
    {
        List<Call> calls;
        lock (Gate)
        {
            if (_reason is not null)
                return;
            if (!reason.ByPeer && reason.Code != ErrorCode.Truncated && !(_goodbyeSent && reason.Code == ErrorCode.NoError) && _begun)
                Outbox.Frames.AppendGoodbye(_loop.LastPeerStream, reason.Code, reason.Reason);
            _reason = reason;
            _goodbyeSent = true;
            calls = [.. _calls.Values];
            var mayRetry = Peer is null;
            foreach (var call in calls)
                Fail(call, new ConnectionClosedException(reason.Code, reason.Reason, mayRetry));
            RefuseWaiters(new ConnectionClosedException(reason.Code, reason.Reason, mayRetry: true));
            _reusable = null;
        }

        LogClosed(Options.Logger, reason.Code, reason.Reason);
        ConnectionClock.For(Options.Time).Remove(this);
        foreach (var call in calls)
            call.AfterFailed();
        if (_opened is { } opened && opened.TrySetException(new ConnectionClosedException(reason.Code, reason.Reason, mayRetry: true)))
            _ = opened.Task.Exception;
        _ = FinishAsync(reason);
    }

    private async Task FinishAsync(CloseReason reason)
    {
        // The caller may be the read loop, or hold nothing but its own patience.
        await Task.Yield();
        Outbox.Finish();
        if (!await Within(Outbox.Finished).ConfigureAwait(false))
        {
            _pipe.Output.CancelPendingFlush();
            await Within(Outbox.Finished).ConfigureAwait(false);
        }

        if (_begun)
        {
            // What the peer still sends is read and dropped for a moment: closing over unread bytes would cost it our goodbye.
            if (!await Within(_loop.Done).ConfigureAwait(false))
            {
                _loop.Stop();
                await Within(_loop.Done).ConfigureAwait(false);
            }
        }
        else
        {
            await _pipe.Input.CompleteAsync().ConfigureAwait(false);
        }

        _closed.TrySetResult(reason);
    }

    private static async ValueTask<bool> Within(Task task)
    {
        if (task.IsCompleted)
            return true;
        // The system's clock on purpose: a clock that stands still must not keep a dead connection.
        return await Task.WhenAny(task, Task.Delay(_linger)).ConfigureAwait(false) == task;
    }

    private void OnDrained()
    {
        lock (Gate)
        {
            if (_calls.Count > 0)
                return;
        }

        End(new CloseReason(ErrorCode.NoError, "", ByPeer: false));
    }

    private void RefuseWaiters(Exception error)
    {
        while (_openWaiters is not null && _openWaiters.TryDequeue(out var waiter))
        {
            if (waiter.TrySetException(error))
                _ = waiter.Task.Exception;
        }
    }
}
