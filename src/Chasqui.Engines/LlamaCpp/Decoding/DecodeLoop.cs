using System.Collections.Concurrent;
using Chasqui.Engines.LlamaCpp.Embedding;
using Chasqui.Engines.LlamaCpp.Native;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>
/// The one thread that computes with a model: continuous batching over many sequences. Requests join and leave between
/// steps; one step computes one token for each running answer and a bounded piece of the prompts that wait.
/// </summary>
/// <remarks>Members are thread-safe. The thread owns the context, which is freed when the thread ends.</remarks>
internal sealed partial class DecodeLoop : IAsyncDisposable
{
    private readonly LlamaModel _model;
    private readonly LlamaContext _context;
    private readonly SlotTable _slots;
    private readonly StepRunner _steps;
    private readonly EmbeddingWorker _embedding;
    private readonly ConcurrentQueue<GenerationJob> _inbox = new();
    private readonly LinkedList<GenerationJob> _waiting = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TimeSpan _prefixIdle;
    private readonly ITimer? _idleTimer;
    private readonly int _queueLimit;
    private int _queued;
    private int _running;
    private volatile bool _stopping;
    private volatile bool _looksForIdle;

    /// <param name="model">The weights.</param>
    /// <param name="context">The caches; owned from here on.</param>
    /// <param name="embedding">Computes vectors between the steps; owned from here on.</param>
    /// <param name="sequenceBytes">Bytes of one sequence's cache.</param>
    /// <param name="queueLimit">Most jobs that wait for a slot.</param>
    /// <param name="prefixIdle">How long what was computed of a prompt is kept; zero until its slot is needed.</param>
    /// <param name="time">For durations.</param>
    /// <param name="logger">For failures of a step.</param>
    internal DecodeLoop(
        LlamaModel model, LlamaContext context, EmbeddingWorker embedding, long sequenceBytes, int queueLimit, TimeSpan prefixIdle, TimeProvider time, ILogger logger)
    {
        _model = model;
        _context = context;
        _embedding = embedding;
        _queueLimit = queueLimit;
        (_logger, _time, _prefixIdle) = (logger, time, prefixIdle);
        _slots = new SlotTable(context, sequenceBytes, canReuse: !model.IsRecurrent);
        _steps = new StepRunner(model, context, _slots, time, logger);
        if (prefixIdle > TimeSpan.Zero)
            _idleTimer = time.CreateBackgroundTimer("idle prefixes", static loop => loop.LookForIdle(), this, prefixIdle / 2, prefixIdle / 2);
        // It runs for all requests: not as part of the one that happened to begin it.
        new Thread(Run) { IsBackground = true, Name = "llama.cpp decode" }.UnsafeStart();
    }

    /// <summary>Jobs that have a slot.</summary>
    internal int Running => Volatile.Read(ref _running);

    /// <summary>Jobs that wait for one.</summary>
    internal int Waiting => Math.Max(0, Volatile.Read(ref _queued) - Volatile.Read(ref _running));

    /// <summary>Whether the model has a cache to generate with; an encoder has none.</summary>
    internal bool CanGenerate => _context.Memory != 0;

    /// <summary>The thread has ended, in order or by a failure; whatever is submitted now fails.</summary>
    internal bool HasEnded => _stopping;

    internal ComputeCounters Counters => _steps.Counters;

    internal int SequenceContext => _context.SequenceContext;

    /// <summary>Queues a generation.</summary>
    /// <exception cref="EngineOverloadedException">Too many wait already.</exception>
    /// <exception cref="EngineUnavailableException">The loop is stopping.</exception>
    internal void Submit(GenerationJob job)
    {
        if (Interlocked.Increment(ref _queued) > _queueLimit + _context.Layout.Sequences)
        {
            Interlocked.Decrement(ref _queued);
            job.Dispose();
            throw new EngineOverloadedException("server busy, please try again.  maximum pending requests exceeded");
        }

        job.Wake = Wake;
        _inbox.Enqueue(job);
        Wake();
        // The thread drains the inbox once after it has said that it ended; what comes later has to be drained here.
        if (_ended.Task.IsCompleted)
            FailInbox();
    }

    /// <summary>Queues texts to embed.</summary>
    internal Task<float[][]> EmbedAsync(IReadOnlyList<int[]> texts, CancellationToken cancellationToken) =>
        _embedding.SubmitAsync(texts, Wake, cancellationToken);

    /// <summary>Stops the thread. Jobs that still run or wait fail with <see cref="EngineUnavailableException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        Wake();
        await _ended.Task.ConfigureAwait(false);
        FailInbox();
    }

    private void LookForIdle()
    {
        _looksForIdle = true;
        Wake();
    }

    // The event is left to its finalizer: a reader may still leave, and wake, after the loop has ended.
    private void Wake() => _wake.Set();

    private void Run()
    {
        EngineException reason = new EngineUnavailableException("the model was unloaded while the request ran");
        try
        {
            while (!_stopping)
            {
                TakeIn();
                LetGo();
                if (_looksForIdle)
                {
                    _looksForIdle = false;
                    _slots.ForgetIdle(_time, _prefixIdle);
                }
                Assign();
                // Counted before the step too: a job that has its first word counts as running.
                var freed = CountRunning();
                var generated = _steps.Step();
                var embedded = _embedding.Step();
                freed |= CountRunning();
                // A slot that has just come free may have someone who waits for it.
                if (!generated && !embedded && !freed && _inbox.IsEmpty)
                    _wake.WaitOne();
            }
        }
        catch (Exception e)
        {
            Crashed(e);
            reason = new EngineFailedException("the engine failed while it computed; it may be tried again", e);
        }
        finally
        {
            End(reason);
        }
    }

    private void TakeIn()
    {
        while (_inbox.TryDequeue(out var job))
            _waiting.AddLast(job);
    }

    /// <summary>Frees what readers who have left were holding.</summary>
    private void LetGo()
    {
        foreach (var slot in _slots.All)
        {
            if (slot.Job is { Abandoned: true } or { Finished: true })
                Release(slot);
        }

        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Abandoned)
            {
                _waiting.Remove(node);
                Interlocked.Decrement(ref _queued);
                node.Value.Dispose();
            }

            node = next;
        }
    }

    private void Assign()
    {
        _slots.PromptTokensPerSecond = _steps.PromptTokensPerSecond;
        for (var node = _waiting.First; node is not null && _slots.AnyFree;)
        {
            var next = node.Next;
            if (_slots.TryAssign(node.Value))
                _waiting.Remove(node);
            node = next;
        }
    }

    private void Release(Slot slot)
    {
        _slots.Release(slot);
        slot.EndedAt = _time.GetTimestamp();
        Interlocked.Decrement(ref _queued);
    }

    /// <returns>Whether a slot came free.</returns>
    private bool CountRunning()
    {
        var running = 0;
        var freed = false;
        foreach (var slot in _slots.All)
        {
            if (slot.Job is { Finished: true } or { Abandoned: true })
            {
                Release(slot);
                freed = true;
            }
            else if (!slot.IsFree)
            {
                running++;
            }
        }

        Volatile.Write(ref _running, running);
        return freed;
    }

    private void End(EngineException reason)
    {
        _stopping = true;
        _idleTimer?.Dispose();
        foreach (var slot in _slots.All)
        {
            slot.Job?.Fail(reason);
            slot.Job?.Dispose();
            slot.Job = null;
        }

        foreach (var job in _waiting)
        {
            job.Fail(reason);
            job.Dispose();
        }

        _waiting.Clear();
        FailInbox();
        _embedding.Dispose();
        _steps.Dispose();
        _context.Dispose();
        Volatile.Write(ref _running, 0);
        Volatile.Write(ref _queued, 0);
        _ended.TrySetResult();
        // A job that came between the drain above and this signal saw a loop that had not ended yet, and left itself to it.
        FailInbox();
    }

    private void FailInbox()
    {
        while (_inbox.TryDequeue(out var job))
        {
            job.Fail(new EngineUnavailableException("the model was unloaded while the request waited"));
            job.Dispose();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The decode loop failed; the requests that ran on it were ended with an error")]
    private partial void Crashed(Exception exception);
}
