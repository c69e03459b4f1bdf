using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>A stream this side opened. To be disposed, which cancels what is not over.</summary>
public sealed class OutgoingCall : Call, IAsyncDisposable
{
    // Not under the gate: to learn of it late only returns credit sooner.
    private volatile bool _given;

    private readonly TaskCompletionSource<HeaderList> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal OutgoingCall(Connection connection, StreamPriority priority)
        : base(connection, priority)
    {
    }

    internal override bool CanBeRead => _given;

    internal bool HasResponse => _response.Task.IsCompleted;

    internal CancellationTokenRegistration Registration { get; set; }

    /// <summary>The head of the answer.</summary>
    /// <param name="ct">Ends the wait, not the stream.</param>
    public ValueTask<HeaderList> GetResponseAsync(CancellationToken ct = default) =>
        new(ct.CanBeCanceled ? _response.Task.WaitAsync(ct) : _response.Task);

    /// <summary>Gives up: the peer is told and its handler cancelled. Does nothing if the stream is over.</summary>
    /// <param name="code">A code of streams. Default CANCELLED.</param>
    /// <param name="reason">For people.</param>
    public void Cancel(ErrorCode code = ErrorCode.Cancelled, string reason = "") => Reset(code, reason);

    /// <summary>Cancels the stream if it is not over, and frees what was not read.</summary>
    public ValueTask DisposeAsync()
    {
        Registration.Dispose();
        Reset(ErrorCode.Cancelled);
        lock (Connection.Gate)
            Discard();
        Connection.Outbox.FlushIfUrgent();
        return default;
    }

    /// <summary>The application has the stream from now on.</summary>
    internal void Given() => _given = true;

    internal void OnResponse(HeaderList headers) => _response.TrySetResult(headers);

    internal override void OnFailed(Exception error)
    {
        base.OnFailed(error);
        if (_response.TrySetException(error))
            _ = _response.Task.Exception;
    }
}
