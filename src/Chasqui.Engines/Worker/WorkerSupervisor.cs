using Chasqui.Client;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Worker;

/// <summary>Keeps one worker running: starts it when it is first asked for, and again with growing waits when it dies.</summary>
internal sealed class WorkerSupervisor : IAsyncDisposable
{
    private readonly WorkerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _watch;
    private TaskCompletionSource<WorkerProcess> _ready = NewReady();
    private string _lastFailure = "it is still starting";

    internal WorkerSupervisor(WorkerOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time, _logger) = (options, time, logger);
    }

    /// <summary>The worker that is ready, or the next that will be.</summary>
    /// <param name="not">One that is known to be dead.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EngineUnavailableException">None became ready in time, or the engine is stopping.</exception>
    internal async Task<WorkerProcess> CurrentAsync(WorkerProcess? not, CancellationToken cancellationToken)
    {
        Task<WorkerProcess> ready;
        lock (_gate)
        {
            if (!_stop.IsCancellationRequested)
                _watch ??= Watch();
            // The watch has not seen its end yet; whoever has may not get it again.
            if (_ready.Task is { IsCompletedSuccessfully: true } task && task.Result == not)
                _ready = NewReady();
            ready = _ready.Task;
        }

        try
        {
            return await ready.WaitAsync(_options.StartTimeout, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new EngineUnavailableException($"the engine's worker process is not ready: {_lastFailure}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        Task? watch;
        lock (_gate)
            watch = _watch;
        if (watch is not null)
            await watch.ConfigureAwait(false);
        lock (_gate)
        {
            if (_ready.Task.IsCompletedSuccessfully)
                _ready = NewReady();
            _ready.TrySetException(new EngineUnavailableException("the engine is stopping"));
            _ = _ready.Task.Exception;
        }
    }

    private static TaskCompletionSource<WorkerProcess> NewReady() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WatchAsync()
    {
        var backoff = new Backoff(_options.MinBackoff, _options.MaxBackoff);
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            var began = _time.GetTimestamp();
            Exception? failure = null;
            WorkerProcess? worker = null;
            try
            {
                worker = WorkerProcess.Start(_options, _time, _logger);
                await RunAsync(worker).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The end of all.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failure = e;
                _lastFailure = e.Message;
            }

            failures = _time.GetElapsedTime(began) >= _options.Stable ? 1 : failures + 1;
            var wait = backoff.After(failures);
            if (worker is not null)
            {
                if (failure is null && !_stop.IsCancellationRequested)
                    WorkerLog.Died(_logger, worker.Id, await worker.Exited.ConfigureAwait(false), Math.Round(wait.TotalMilliseconds));
                await worker.DisposeAsync().ConfigureAwait(false);
                if (_stop.IsCancellationRequested)
                    WorkerLog.Ended(_logger, worker.Id, await worker.Exited.ConfigureAwait(false));
            }

            if (failure is not null)
                WorkerLog.Failed(_logger, failure, Math.Round(wait.TotalMilliseconds));
            await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task Watch()
    {
        // What the worker tells is not told of the request that happened to start it.
        using (ExecutionContext.SuppressFlow())
            return Task.Run(WatchAsync, CancellationToken.None);
    }

    private async Task RunAsync(WorkerProcess worker)
    {
        await worker.ReadyAsync(_stop.Token).ConfigureAwait(false);
        WorkerLog.Ready(_logger, worker.Id);
        lock (_gate)
            _ready.TrySetResult(worker);
        try
        {
            var how = await worker.Exited.WaitAsync(_stop.Token).ConfigureAwait(false);
            _lastFailure = $"the last one died ({how})";
        }
        finally
        {
            lock (_gate)
            {
                if (_ready.Task is { IsCompletedSuccessfully: true } task && task.Result == worker)
                    _ready = NewReady();
            }
        }
    }
}
