using System.IO.Pipelines;

namespace Chasqui.Transport;

/// <summary>
/// Sees to it that frames leave. Everybody appends to one buffer under the gate; one flusher at a time takes it away and writes it, so that what
/// comes meanwhile leaves together.
/// </summary>
internal sealed class Outbox(Connection connection, PipeWriter output) : IThreadPoolWorkItem
{
    /// <summary>Above this many bytes streams wait for their turn instead of appending.</summary>
    internal const int Room = 64 * 1024;

    /// <summary>Above this many bytes the peer is not read further.</summary>
    internal const int MaxBacklog = 1024 * 1024;

    private const int TurnsBeforeYield = 16;

    // How often what is to be written lets others go first who may have more, and from how many bytes on it does not.
    private const int MaxDeferrals = 3;
    private const int EnoughForAWrite = 16 * 1024;

    private bool _flushing;
    private bool _deferred;
    private int _deferrals;
    private bool _finish;
    private long _flushSince;
    private TaskCompletionSource? _drained;
    private TaskCompletionSource? _finished;
    private bool _isFinished;

    /// <summary>Set on a thread while it runs the read loop of this connection, which flushes once for all it has read.</summary>
    [field: ThreadStatic]
    internal static Connection? Reading { get; set; }

    /// <summary>What is to be written.</summary>
    internal FrameBuffer Frames { get; } = new();

    internal bool HasRoom => Frames.Count < Room;

    internal bool IsBehind => Frames.Count > MaxBacklog;

    /// <summary>Completed when everything has been written after <see cref="Finish"/>.</summary>
    internal Task Finished
    {
        get
        {
            lock (connection.Gate)
                return (_finished ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>
    /// Sees to it that what was appended leaves: at the end of the read batch this thread is in; behind the work that the thread pool has in line, which
    /// may well append more, as after a decode step of many sequences; or at once.
    /// </summary>
    internal void Flush()
    {
        // Whoever flushes, or is about to, takes what was appended under the gate before this look.
        if (Reading == connection || Volatile.Read(ref _flushing) || Volatile.Read(ref _deferred))
            return;
        if (Frames.Count >= EnoughForAWrite || ThreadPool.PendingWorkItemCount == 0)
            FlushNow();
        else
            FlushSoon();
    }

    /// <summary>The deferred flush.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        if (_deferrals++ < MaxDeferrals && Frames.Count < EnoughForAWrite && ThreadPool.PendingWorkItemCount > 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        lock (connection.Gate)
            _deferred = false;
        FlushNow();
    }

    private void FlushSoon()
    {
        lock (connection.Gate)
        {
            if (_flushing || _deferred)
                return;
            _deferred = true;
            _deferrals = 0;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>As <see cref="Flush"/>, where there is usually nothing.</summary>
    internal void FlushIfUrgent()
    {
        if (Frames.Count > 0)
            Flush();
    }

    internal void FlushNow()
    {
        lock (connection.Gate)
        {
            if (_flushing)
                return;
            if (Frames.Count == 0)
                connection.Scheduler.Fill();
            if (Frames.Count == 0 && !_finish)
                return;
            _flushing = true;
            Volatile.Write(ref _flushSince, connection.Options.Time.GetTimestamp());
        }

        _ = FlushAsync();
    }

    /// <summary>Nothing is appended any more; when all is written the output is completed.</summary>
    internal void Finish()
    {
        lock (connection.Gate)
            _finish = true;
        FlushNow();
    }

    /// <summary>When the write that is under way began, 0 if there is none; a time stamp of the connection's clock.</summary>
    internal long WaitingSince => Volatile.Read(ref _flushSince);

    /// <summary>Until the backlog is small again. Bounded by the progress time-out of the connection.</summary>
    internal Task CaughtUp()
    {
        lock (connection.Gate)
        {
            if (!IsBehind || _isFinished)
                return Task.CompletedTask;
            return (_drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private async Task FlushAsync()
    {
        byte[]? taken = null;
        try
        {
            for (var turn = 1; ; turn++)
            {
                int count;
                var finish = false;
                lock (connection.Gate)
                {
                    FrameBuffer.Return(taken);
                    taken = null;
                    connection.Scheduler.Fill();
                    (taken, count) = Frames.Take();
                    if (!IsBehind && _drained is { } drained)
                    {
                        _drained = null;
                        drained.TrySetResult();
                    }

                    if (count == 0)
                    {
                        if (!_finish)
                        {
                            _flushing = false;
                            Volatile.Write(ref _flushSince, 0);
                        }

                        finish = _finish;
                    }
                    else
                    {
                        Volatile.Write(ref _flushSince, connection.Options.Time.GetTimestamp());
                    }
                }

                if (count == 0)
                {
                    if (finish)
                        await CompleteAsync(null).ConfigureAwait(false);
                    return;
                }

                var written = output.WriteAsync(taken.AsMemory(0, count));
                var result = written.IsCompletedSuccessfully ? written.Result : await written.ConfigureAwait(false);
                if (result.IsCompleted || result.IsCanceled)
                {
                    await CompleteAsync(null).ConfigureAwait(false);
                    connection.OnWriteFailed("the peer takes no more bytes");
                    return;
                }

                if (Defer())
                    return;
                // The thread may be an application's that only wanted to write its own message.
                if (turn % TurnsBeforeYield == 0)
                    await Task.Yield();
            }
        }
        catch (Exception e)
        {
            await CompleteAsync(e).ConfigureAwait(false);
            connection.OnWriteFailed(e.Message);
        }
        finally
        {
            FrameBuffer.Return(taken);
        }
    }

    /// <summary>After a write: what came meanwhile may wait for more, if there is little of it and the pool is busy.</summary>
    private bool Defer()
    {
        if (ThreadPool.PendingWorkItemCount == 0)
            return false;
        lock (connection.Gate)
        {
            if (Frames.Count is 0 or >= EnoughForAWrite || _finish || _deferred)
                return false;
            _flushing = false;
            Volatile.Write(ref _flushSince, 0);
            _deferred = true;
            _deferrals = 0;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    private async Task CompleteAsync(Exception? error)
    {
        try
        {
            await output.CompleteAsync(error).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException
            or System.Net.Sockets.SocketException or System.Net.WebSockets.WebSocketException)
        {
            // The transport is already gone.
        }

        lock (connection.Gate)
        {
            FrameBuffer.Return(Frames.Take().Bytes);
            _drained?.TrySetResult();
            _drained = null;
            _isFinished = true;
            (_finished ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }
}
