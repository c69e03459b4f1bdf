using Chasqui.Engines.LlamaCpp.Native;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>Computes one step: fills the batch, decodes it, and hands each sequence its logits. Used by the decode thread only.</summary>
internal sealed partial class StepRunner : IDisposable
{
    private readonly LlamaModel _model;
    private readonly LlamaContext _context;
    private readonly SlotTable _slots;
    private readonly TokenBatch _batch;
    private readonly LlamaTokenData[] _scratch;
    private readonly List<(Slot Slot, int Index)> _outputs = [];
    private readonly List<Slot> _inBatch = [];
    private readonly List<Slot> _inPrompt = [];
    private readonly int[] _shares;
    private readonly StepBudget _budget;
    private readonly ThreadTuner _threads;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private long _stepCount;
    private long _promptTokens;
    private long _completionTokens;
    private long _computeTicks;

    internal StepRunner(LlamaModel model, LlamaContext context, SlotTable slots, TimeProvider time, ILogger logger)
    {
        _model = model;
        _context = context;
        _slots = slots;
        _time = time;
        _logger = logger;
        _batch = new TokenBatch(context.Layout.StepTokens, context.Layout.Sequences);
        _scratch = new LlamaTokenData[model.VocabularySize];
        _shares = new int[context.Layout.Sequences];
        _budget = new StepBudget(context.Layout.Batch);
        _threads = new ThreadTuner(context.Layout.Threads, context.Layout.MostThreads);
    }

    internal double PromptTokensPerSecond => _budget.TokensPerSecond;

    /// <summary>Read from any thread; written by the decode thread alone.</summary>
    internal ComputeCounters Counters => new(
        Volatile.Read(ref _stepCount),
        Volatile.Read(ref _promptTokens),
        Volatile.Read(ref _completionTokens),
        new TimeSpan(Volatile.Read(ref _computeTicks)));

    /// <returns>False when there was nothing to compute.</returns>
    internal bool Step()
    {
        var worked = Run(alone: null);
        foreach (var slot in _slots.All)
        {
            // One that asked to be decoded alone gets steps that hold nothing else.
            if (slot.Job is { Plan.Alone: true })
                worked |= Run(slot);
        }

        return worked;
    }

    public void Dispose() => _batch.Dispose();

    private bool Run(Slot? alone)
    {
        _batch.Clear();
        _outputs.Clear();
        _inBatch.Clear();
        Array.Clear(_shares);
        var answers = ShareAnswers(alone);
        var promptTokens = SharePrompts(alone, answers);
        FillBatch();
        if (_batch.Count == 0)
            return false;

        // One that is alone depends on nothing that is measured, either.
        var threads = alone is null ? _threads.ThreadsFor(_batch.Count) : _context.Layout.Threads;
        LlamaApi.llama_set_n_threads(_context.Pointer, _context.Layout.Threads, threads);
        var started = _time.GetTimestamp();
        var status = _batch.Decode(_context);
        if (status != 0)
        {
            Fail(status);
            return true;
        }

        var elapsed = _time.GetElapsedTime(started);
        _budget.Observe(promptTokens, elapsed);
        _threads.Observe(_batch.Count, threads, elapsed);
        Volatile.Write(ref _stepCount, _stepCount + 1);
        Volatile.Write(ref _promptTokens, _promptTokens + promptTokens);
        Volatile.Write(ref _completionTokens, _completionTokens + _batch.Count - promptTokens);
        Volatile.Write(ref _computeTicks, _computeTicks + elapsed.Ticks);
        foreach (var (slot, index) in _outputs)
            Advance(slot, index);
        return true;
    }

    private int ShareAnswers(Slot? alone)
    {
        var answers = 0;
        foreach (var slot in _slots.All)
        {
            if (!Takes(slot, alone, out var job) || job.InPrompt || !MakeRoom(slot, job))
                continue;
            _shares[slot.Id] = 1;
            answers++;
        }

        return answers;
    }

    private int SharePrompts(Slot? alone, int answers)
    {
        _inPrompt.Clear();
        foreach (var slot in _slots.All)
        {
            if (Takes(slot, alone, out var job) && job.InPrompt)
                _inPrompt.Add(slot);
        }

        // Who came first is served first: by number, a prompt in a high slot would wait for as long as others keep coming.
        _inPrompt.Sort(static (a, b) => a.LastUsed.CompareTo(b.LastUsed));
        var budget = _budget.PromptTokens(answersRunning: alone is null && answers > 0);
        var shared = 0;
        foreach (var slot in _inPrompt)
        {
            slot.Job!.MarkPromptStarted();
            var share = Math.Min(budget - shared, slot.Job.Plan.Prompt.Length - slot.Job.PromptComputed);
            _shares[slot.Id] = share;
            shared += share;
        }

        return shared;
    }

    /// <summary>Puts the tokens in by sequence, answers and prompts alike: the library computes together only what follows each
    /// other without a gap.</summary>
    private void FillBatch()
    {
        foreach (var slot in _slots.All)
        {
            if (_shares[slot.Id] == 0)
                continue;
            _inBatch.Add(slot);
            var job = slot.Job!;
            if (job.InPrompt)
                AddPrompt(slot, job, _shares[slot.Id]);
            else
                AddToken(slot, job.LastToken, output: true);
        }
    }

    private void AddPrompt(Slot slot, GenerationJob job, int share)
    {
        for (var i = 0; i < share; i++)
        {
            var token = job.Plan.Prompt[job.PromptComputed++];
            AddToken(slot, token, output: !job.InPrompt);
        }
    }

    private void AddToken(Slot slot, int token, bool output)
    {
        var index = _batch.Add(token, slot.Cached.Count, slot.Id, output);
        slot.Cached.Add(token);
        if (output)
            _outputs.Add((slot, index));
    }

    private static bool Takes(Slot slot, Slot? alone, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GenerationJob? job)
    {
        job = slot.Job;
        return job is { Finished: false, Abandoned: false, ReaderIsBehind: false }
            && (alone is null ? !job.Plan.Alone : slot == alone);
    }

    /// <summary>Shifts a full context, or ends the answer where that is not wanted or not possible.</summary>
    private bool MakeRoom(Slot slot, GenerationJob job)
    {
        if (slot.Cached.Count < job.Plan.ContextLimit)
            return true;
        var keep = Math.Clamp(job.Plan.KeepTokens, 0, job.Plan.ContextLimit - 2);
        var drop = Math.Max(1, (slot.Cached.Count - keep) / 2);
        if (!job.Plan.Shift || !_context.CanShift
            || !LlamaApi.llama_memory_seq_rm(_context.Memory, slot.Id, keep, keep + drop))
        {
            job.Finish(FinishReason.Length);
            return false;
        }

        LlamaApi.llama_memory_seq_add(_context.Memory, slot.Id, keep + drop, -1, -drop);
        slot.Cached.RemoveRange(keep, drop);
        slot.Shifted = true;
        return true;
    }

    private unsafe void Advance(Slot slot, int index)
    {
        var job = slot.Job!;
        try
        {
            var logits = LlamaApi.llama_get_logits_ith(_context.Pointer, index);
            if (logits == null)
                throw new EngineFailedException("llama.cpp returned no logits for a token that asked for them");
            job.Advance(_model, new Span<float>(logits, _model.VocabularySize), _scratch);
        }
        catch (EngineException e)
        {
            // One request's trouble (a grammar that no token fits) is not the others'.
            job.Fail(e);
        }
    }

    private void Fail(int status)
    {
        StepFailed(status, _batch.Count);
        var error = new EngineFailedException(status == 1
            ? "the context has no room left for this step; a smaller num_ctx or fewer slots would fit"
            : $"llama.cpp failed to compute a step (status {status})");
        foreach (var slot in _inBatch)
        {
            // Also of one whose reader has left meanwhile: what its cache holds is in doubt.
            slot.Job?.Fail(error);
            _slots.Clear(slot);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "llama_decode returned {Status} for a batch of {Tokens} tokens")]
    private partial void StepFailed(int status, int tokens);
}
