using System.Collections.Concurrent;
using Chasqui.Engines.LlamaCpp.Native;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Embedding;

/// <summary>
/// Computes vectors on the decode thread, one batch between two steps of the generations. Texts of many callers share a
/// batch; a long text goes through several. <see cref="SubmitAsync"/> is thread-safe, the rest belongs to the decode thread.
/// </summary>
internal sealed partial class EmbeddingWorker(
    LlamaModel model, Func<LlamaContext> createContext, LlamaPooling pooling, ILogger logger) : IDisposable
{
    /// <summary>Requests that may wait.</summary>
    internal const int QueueLimit = 4096;

    private readonly ConcurrentQueue<EmbeddingJob> _inbox = new();
    private readonly LinkedList<EmbeddingJob> _waiting = new();
    private readonly List<EmbeddingLane> _lanes = [];
    private readonly List<(EmbeddingLane Lane, int Index)> _outputs = [];
    private readonly ILogger _logger = logger;
    private LlamaContext? _context;
    private TokenBatch? _batch;
    private int _queued;
    private volatile bool _closed;

    /// <exception cref="EngineOverloadedException">Too many wait already.</exception>
    internal async Task<float[][]> SubmitAsync(IReadOnlyList<int[]> texts, Action wake, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _queued) > QueueLimit)
        {
            Interlocked.Decrement(ref _queued);
            throw new EngineOverloadedException("server busy, please try again.  maximum pending requests exceeded");
        }

        try
        {
            var job = new EmbeddingJob(texts);
            using var cancel = cancellationToken.UnsafeRegister(
                static (state, token) =>
                {
                    var (job, wake) = ((EmbeddingJob, Action))state!;
                    job.Cancel(token);
                    wake();
                }, (job, wake));
            _inbox.Enqueue(job);
            wake();
            if (_closed)
                FailInbox(Unloaded());
            return await job.Completion.ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _queued);
        }
    }

    /// <returns>False when there was nothing to compute.</returns>
    internal bool Step()
    {
        while (_inbox.TryDequeue(out var job))
            _waiting.AddLast(job);
        DropCancelled();
        if (_waiting.Count == 0 && _lanes.Count == 0)
            return false;
        try
        {
            _context ??= createContext();
            _batch ??= new TokenBatch(_context.Layout.StepTokens, _context.Layout.Sequences);
            FillLanes(_context);
            Compute(_context, _batch);
        }
        catch (EngineException e)
        {
            StepFailed(e);
            FailAll(e);
        }

        return true;
    }

    public void Dispose()
    {
        _closed = true;
        FailAll(Unloaded());
        _batch?.Dispose();
        _context?.Dispose();
    }

    private static EngineUnavailableException Unloaded() => new("the model was unloaded while the request waited");

    private void FillLanes(LlamaContext context)
    {
        var room = context.Layout.Batch - _lanes.Sum(l => l.Tokens.Length);
        while (_waiting.First is { Value: var job } node && _lanes.Count < context.Layout.Sequences)
        {
            // An encoder sees a text as a whole, so the whole text has to fit in the batch.
            if (context.Memory == 0 && job.Texts[job.NextText].Length > room)
                return;
            room -= job.Texts[job.NextText].Length;
            var lane = new EmbeddingLane(job, job.NextText++, FreeSequence(context.Layout.Sequences), pooling, model.EmbeddingLength);
            if (context.Memory != 0)
                LlamaApi.llama_memory_seq_rm(context.Memory, lane.Sequence, -1, -1);
            _lanes.Add(lane);
            if (job.NextText == job.Texts.Count)
                _waiting.Remove(node);
        }
    }

    private unsafe void Compute(LlamaContext context, TokenBatch batch)
    {
        batch.Clear();
        _outputs.Clear();
        foreach (var lane in _lanes)
        {
            while (lane.Done < lane.Tokens.Length && batch.Room > 0)
            {
                var index = batch.Add(lane.Tokens[lane.Done], lane.Done, lane.Sequence, output: true);
                lane.Done++;
                _outputs.Add((lane, index));
            }
        }

        if (batch.Count == 0)
            return;
        var status = batch.Decode(context);
        if (status != 0)
            throw new EngineFailedException($"llama.cpp failed to compute a batch of vectors (status {status})");

        foreach (var (lane, index) in _outputs)
        {
            var state = LlamaApi.llama_get_embeddings_ith(context.Pointer, index);
            if (state == null)
                throw new EngineFailedException("llama.cpp returned no hidden state for a token that asked for it");
            lane.Pool(new ReadOnlySpan<float>(state, model.EmbeddingLength));
        }

        foreach (var lane in _lanes.Where(l => l.Complete))
            lane.Deliver();
        _lanes.RemoveAll(l => l.Complete);
    }

    private int FreeSequence(int sequences) =>
        Enumerable.Range(0, sequences).First(id => _lanes.TrueForAll(l => l.Sequence != id));

    private void DropCancelled()
    {
        _lanes.RemoveAll(l => l.Job.Over);
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Over)
                _waiting.Remove(node);
            node = next;
        }
    }

    private void FailAll(Exception error)
    {
        foreach (var lane in _lanes)
            lane.Job.Fail(error);
        foreach (var job in _waiting)
            job.Fail(error);
        FailInbox(error);
        _lanes.Clear();
        _waiting.Clear();
    }

    /// <summary>All that a caller may touch whose texts came too late: the rest belongs to the decode thread.</summary>
    private void FailInbox(Exception error)
    {
        while (_inbox.TryDequeue(out var job))
            job.Fail(error);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Computing vectors failed")]
    private partial void StepFailed(Exception exception);
}
