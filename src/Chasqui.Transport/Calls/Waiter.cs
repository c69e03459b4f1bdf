using System.Threading.Tasks.Sources;

namespace Chasqui.Transport;

/// <summary>One wait at a time, made again without an allocation. Whatever ends it first wins: a value, an error or the caller's token.</summary>
/// <param name="queue">Where what waits is run.</param>
internal sealed class Waiter<T>(ReadyQueue queue) : IValueTaskSource<T>, IValueTaskSource, IReady
{
    private const int Idle = 0;
    private const int Armed = 1;
    private const int Done = 2;

    private ManualResetValueTaskSourceCore<T> _core;
    private T? _value;
    private Exception? _error;
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
        _value = value;
        queue.Add(this);
        return true;
    }

    internal bool TryFail(Exception error)
    {
        if (Interlocked.CompareExchange(ref _state, Done, Armed) != Armed)
            return false;
        _error = error;
        queue.Add(this);
        return true;
    }

    IReady? IReady.NextReady { get; set; }

    void IReady.Run()
    {
        var (value, error) = (_value, _error);
        (_value, _error) = (default, null);
        if (error is null)
            _core.SetResult(value!);
        else
            _core.SetException(error);
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
