using Chasqui.Protocol;
using Chasqui.Transport;

namespace Chasqui.Client;

/// <summary>The time a request has, and what its failures mean to the caller.</summary>
internal sealed class CallScope : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource? _linked;
    private readonly TimeSpan _span;

    internal CallScope(TimeSpan? deadline, TimeProvider time, CancellationToken caller)
    {
        _caller = caller;
        if (deadline is not { } span)
            return;
        _span = span;
        _deadline = new CancellationTokenSource(span, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(caller, _deadline.Token);
    }

    internal CancellationToken Token => _linked?.Token ?? _caller;

    /// <summary>What to throw in place of <paramref name="e"/>; null for itself.</summary>
    internal Exception? Translate(Exception e)
    {
        if (e is StreamException or ConnectionClosedException or OperationCanceledException)
        {
            if (_caller.IsCancellationRequested)
                return e is OperationCanceledException c && c.CancellationToken == _caller ? null : new OperationCanceledException(e.Message, e, _caller);
            if (_deadline is { IsCancellationRequested: true })
                return ClientException.Of("deadline", $"the answer had not ended after {_span.TotalMilliseconds:0} ms", e);
        }

        return e switch
        {
            StreamException s => ClientException.From(s),
            ConnectionClosedException c => ClientException.From(c),
            ProtocolException p => ClientException.From(new ConnectionClosedException(p.Code, p.Reason)),
            Google.Protobuf.InvalidProtocolBufferException => ClientException.Of("bad_answer", "the gateway's answer cannot be read", e),
            _ => null,
        };
    }

    public void Dispose()
    {
        _linked?.Dispose();
        _deadline?.Dispose();
    }
}
