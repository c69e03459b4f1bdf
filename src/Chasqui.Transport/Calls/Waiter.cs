using System.Threading.Tasks.Sources;

namespace Chasqui.Transport;

/// <summary>One wait at a time, made again without an allocation. Whatever ends it first wins: a value, an error or the caller's token.</summary>
internal sealed class Waiter<T> : IValueTaskSource<T>, IValueTaskSource
{
    private const int Idle = 0;
    private const int Armed = 1;
    private const int Done = 2;

    // Continuations of streams run on the pool: a slow one must not hold up the read loop, and Set is called under the connection's lock.
    private ManualResetValueTaskSourceCore<T> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private int _state;

    internal bool IsArmed => Volatile.Read(ref _state) == Armed;

    internal bool IsIdle => Volatile.Read(ref _state) == Idle;

    internal short Arm()
    {
        _state = Armed;
        return _core.Version;
    }

    /// <summary>To be called outside of the lock, since a token that is already cancelled calls back at once.</summary>
    internal void CancelWith(CancellationToken ct)
    {
        if (ct.CanBeCanceled)
            _registration = ct.UnsafeRegister(static (waiter, token) => ((Waiter<T>)waiter!).TryFail(new OperationCanceledException(token)), this);
    }

    internal ValueTask<T> Task(short version) => new(this, version);

    internal ValueTask VoidTask(short version) => new(this, version);

    internal bool TrySet(T value)
    {
        if (Interlocked.CompareExchange(ref _state, Done, Armed) != Armed)
            return false;
        _core.SetResult(value);
        return true;
    }

    internal bool TryFail(Exception error)
    {
        if (Interlocked.CompareExchange(ref _state, Done, Armed) != Armed)
            return false;
        _core.SetException(error);
        return true;
    }

    public T GetResult(short token)
    {
        // Waits for a cancellation that is under way, so that it cannot end the next wait.
        _registration.Dispose();
        _registration = default;
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Volatile.Write(ref _state, Idle);
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
