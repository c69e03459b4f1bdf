using System.Threading.Tasks.Sources;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>A call with one message each way. Used again by its connection once the caller has its reply.</summary>
internal sealed class UnaryCall : Call, IValueTaskSource<Reply>, IReady
{
    private readonly bool _inline;
    private ManualResetValueTaskSourceCore<Reply> _core;
    private CancellationTokenRegistration _registration;
    private bool _done;
    private Exception? _error;

    internal UnaryCall(Connection connection, bool inline)
        : base(connection, StreamPriority.Normal) => _inline = inline;

    IReady? IReady.NextReady { get; set; }

    internal HeaderList? Headers { get; set; }

    internal MessageBuffer? Body { get; set; }

    internal ValueTask<Reply> Task => new(this, _core.Version);

    internal void CancelWith(CancellationToken ct)
    {
        if (ct.CanBeCanceled)
            _registration = ct.UnsafeRegister(static (state, token) => ((UnaryCall)state!).Cancel(token), this);
    }

    /// <summary>Claims the end of the call, under the gate. Only who gets true may complete it, outside of the gate.</summary>
    internal bool Claim()
    {
        if (_done)
            return false;
        return _done = true;
    }

    internal void Complete()
    {
        if (_inline)
            ((IReady)this).Run();
        else
            Connection.Ready.Add(this);
    }

    void IReady.Run()
    {
        if (Interlocked.Exchange(ref _error, null) is { } error)
            _core.SetException(error);
        else
            _core.SetResult(new Reply(Headers!, Body));
    }

    internal override void OnFailed(Exception error)
    {
        Failure = error;
        if (Claim())
            _error = error;
    }

    internal override void AfterFailed()
    {
        if (_error is not null)
            Complete();
    }

    private void Cancel(CancellationToken token) =>
        Connection.ResetByUs(this, ErrorCode.Cancelled, "", new OperationCanceledException(token));

    public Reply GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        var reusable = false;
        try
        {
            var reply = _core.GetResult(token);
            reusable = true;
            return reply;
        }
        finally
        {
            // After a failure something may still hold the call, so it is left to the collector.
            if (reusable)
                Connection.Reuse(this);
        }
    }

    internal void Clean()
    {
        _core.Reset();
        _done = false;
        Failure = null;
        Headers = null;
        Body = null;
        SentEnd = RemoteEnded = false;
        SendCredit = Window = Returned = 0;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
