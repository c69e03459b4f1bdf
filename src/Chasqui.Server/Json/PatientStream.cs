using Chasqui.Engines.Http;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Server;

/// <summary>A body of any length that is read as it comes: only how long it may bring no byte is limited. For one reader.</summary>
internal sealed class PatientStream(Stream inner, LoadOptions limits, RefusalCounts refusals, TimeProvider time) : ReadStream
{
    private CancellationTokenSource? _silent;
    private CancellationTokenSource? _either;
    private CancellationToken _of;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _silent ??= new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        if (_either is null || _of != cancellationToken)
        {
            _either?.Dispose();
            (_either, _of) = (CancellationTokenSource.CreateLinkedTokenSource(_silent.Token, cancellationToken), cancellationToken);
        }
        _silent.CancelAfter(limits.BodyIdleTimeout);
        try
        {
            return await inner.ReadAsync(buffer, _either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_silent.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            refusals.Add(RefusalReason.BodyTimeout);
            throw BodyPatience.Silent(limits.BodyIdleTimeout);
        }
        finally
        {
            _silent.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _either?.Dispose();
            _silent?.Dispose();
        }
        base.Dispose(disposing);
    }
}
