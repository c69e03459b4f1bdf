using System.Runtime.CompilerServices;
using Chasqui.Engines.Remote;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Worker;

/// <summary>
/// An engine in a process of its own, so that a fault in native code ends that process and not this one. The process is started by the first call, watched, and
/// started again when it dies: requests that ran in it end with <see cref="EngineFailedException"/>, the next ones wait for the new one.
/// </summary>
public sealed class WorkerEngine : IEngine
{
    private const int MaxTries = 3;

    // Two for a worker that died while the request had not said anything since it began there, one for others.
    private const int MaxDeaths = 3;

    private static readonly TimeSpan _exitPatience = TimeSpan.FromSeconds(2);

    private readonly WorkerSupervisor _supervisor;
    private readonly TimeProvider _time;

    /// <summary>Makes the engine; the first call starts the worker.</summary>
    /// <param name="options">What to start.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where its log lines go.</param>
    public WorkerEngine(WorkerOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        _time = time;
        _supervisor = new WorkerSupervisor(options, time, loggers.CreateLogger<WorkerEngine>());
    }

    /// <inheritdoc/>
    public string Name => "llama.cpp";

    /// <summary>The process id of the worker once it is ready.</summary>
    public async Task<int> GetProcessIdAsync(CancellationToken cancellationToken = default) =>
        (await _supervisor.CurrentAsync(null, cancellationToken).ConfigureAwait(false)).Id;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(request, (engine, soFar) => engine.GenerateAsync(request with { WithTokens = true, SoFar = soFar }, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(request, (engine, soFar) => engine.ChatAsync(request with { WithTokens = true, SoFar = soFar }, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.EmbedAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.TokenizeAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.ListAsync(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.ShowAsync(model, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.LoadAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.UnloadAsync(model, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        CallAsync(engine => engine.ListResidentAsync(cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _supervisor.DisposeAsync();

    private async Task<T> CallAsync<T>(Func<RemoteEngine, Task<T>> call, CancellationToken cancellationToken)
    {
        WorkerProcess? dead = null;
        for (var tries = 1; ; tries++)
        {
            var worker = await _supervisor.CurrentAsync(dead, cancellationToken).ConfigureAwait(false);
            try
            {
                return await call(worker.Engine).ConfigureAwait(false);
            }
            catch (EngineException e)
            {
                if (!await IsAgainAsync(worker, e, tries).ConfigureAwait(false))
                    throw;
                dead = worker;
            }
        }
    }

    /// <summary>An answer whose worker dies goes on in the next one from what was said.</summary>
    private async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        GenerationRequest request, Func<RemoteEngine, GenerationSoFar?, IAsyncEnumerable<GenerationUpdate>> call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        WorkerProcess? dead = null;
        var answer = new AnswerSoFar();
        for (int tries = 1, deaths = 0; ; tries++)
        {
            var worker = await _supervisor.CurrentAsync(dead, cancellationToken).ConfigureAwait(false);
            var progress = false;
            var updates = call(worker.Engine, answer.IsEmpty ? request.SoFar : answer.ToSoFar()).GetAsyncEnumerator(cancellationToken);
            await using (updates.ConfigureAwait(false))
            {
                while (true)
                {
                    try
                    {
                        if (!await updates.MoveNextAsync().ConfigureAwait(false))
                            yield break;
                    }
                    catch (EngineException e)
                    {
                        // One that kills its worker before it has said anything is not given many to kill.
                        deaths += progress ? 1 : 2;
                        if (!await IsAgainAsync(worker, e, tries, mayGoOn: request.Continue && deaths <= MaxDeaths).ConfigureAwait(false))
                            throw;
                        break;
                    }

                    if (answer.Pass(updates.Current) is not { } update)
                        continue;
                    progress = true;
                    yield return update;
                }
            }

            answer.Restart();
            dead = worker;
        }
    }

    /// <summary>Whether the request may go to the next worker: it never reached this one, which is dead, or goes on from what it said there.</summary>
    /// <exception cref="EngineFailedException">The worker died while it ran the request.</exception>
    private async Task<bool> IsAgainAsync(WorkerProcess worker, EngineException e, int tries, bool mayGoOn = false)
    {
        var notSent = RemoteErrors.WasNotSent(e) || e.InnerException is ObjectDisposedException;
        if (!notSent && !RemoteErrors.WasLost(e))
            return false;
        try
        {
            var how = await worker.Exited.WaitAsync(_exitPatience, _time).ConfigureAwait(false);
            return mayGoOn || (notSent ? tries < MaxTries : throw new EngineFailedException(
                $"the engine's worker process died while it ran this request ({how}); a new one is being started, so the request may be sent again", e));
        }
        catch (TimeoutException)
        {
            // It lives: the connection alone was lost.
            return false;
        }
    }
}
