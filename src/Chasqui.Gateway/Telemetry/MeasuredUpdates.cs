using System.Diagnostics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>Updates on their way: the first is timed, all are counted, and go by untouched. To be read once.</summary>
internal sealed class MeasuredUpdates(IAsyncEnumerable<GenerationUpdate> updates, RequestMeasure measure, string engine)
    : IAsyncEnumerable<GenerationUpdate>, IAsyncEnumerator<GenerationUpdate>
{
    private IAsyncEnumerator<GenerationUpdate>? _inner;
    private Activity? _span;
    private bool _begun;

    public GenerationUpdate Current
    {
        get
        {
            var update = _inner!.Current;
            measure.Passed(update);
            if (update.Result is { } result)
                measure.Tokens(result.PromptTokens, result.CompletionTokens);
            return update;
        }
    }

    public IAsyncEnumerator<GenerationUpdate> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        _inner = updates.GetAsyncEnumerator(cancellationToken);
        return this;
    }

    public ValueTask<bool> MoveNextAsync()
    {
        if (!_begun)
            return BeginAsync();
        // Only where somebody looks is each piece waited for here too.
        return _span is null ? _inner!.MoveNextAsync() : WatchAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _inner!.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _span?.Dispose();
        }
    }

    private async ValueTask<bool> BeginAsync()
    {
        _begun = true;
        // It is the current span while the engine begins, so that whatever the engine sends says so.
        _span = MeasuredEngine.StartSpan(measure, engine);
        try
        {
            var any = await _inner!.MoveNextAsync().ConfigureAwait(false);
            if (any)
                measure.FirstToken();
            return any;
        }
        catch (Exception) when (MeasuredEngine.Fail(_span))
        {
            throw;
        }
    }

    private async ValueTask<bool> WatchAsync()
    {
        try
        {
            return await _inner!.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception) when (MeasuredEngine.Fail(_span))
        {
            throw;
        }
    }
}
