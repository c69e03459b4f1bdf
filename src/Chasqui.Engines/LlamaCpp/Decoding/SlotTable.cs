using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>
/// Gives slots to jobs so that a prompt's beginning is computed once for all requests of a scope. Used by the decode thread only.
/// </summary>
/// <remarks>
/// A free slot that already holds most of what it has in common with the prompt is used as it is. Where the common beginning
/// lies in a slot that is busy, or that would lose much else, its cache is copied, if that is cheaper than computing it. Where
/// it is being computed right now, the job waits for that. What is held for another scope is as good as not there: it is only given up when
/// its slot is needed,
/// so that neither counts nor times tell what others have asked.
/// </remarks>
internal sealed class SlotTable
{
    /// <summary>Tokens that a free slot may lose before another slot is preferred for the newcomer.</summary>
    private const int ExpendableTokens = 64;

    /// <summary>A cache of so few tokens is sooner computed again than kept at the price of scattered sequences.</summary>
    private const int CheapTokens = 256;

    /// <summary>Bytes that memory copies in a second, taken low: a copy that is not worth it costs more than one that is missed.</summary>
    private const double CopyBytesPerSecond = 4e9;

    private readonly LlamaContext _context;
    private readonly Slot[] _slots;
    private readonly long _sequenceBytes;
    private readonly bool _canReuse;
    private long _clock;

    /// <param name="context">Where the slots' caches are.</param>
    /// <param name="sequenceBytes">Bytes of one slot's cache, all of which a copy moves.</param>
    /// <param name="canReuse">False for models whose state cannot be cut (Mamba and its like).</param>
    internal SlotTable(LlamaContext context, long sequenceBytes, bool canReuse)
    {
        _context = context;
        _sequenceBytes = sequenceBytes;
        _canReuse = canReuse;
        _slots = [.. Enumerable.Range(0, context.Layout.Sequences).Select(id => new Slot(id))];
    }

    internal ReadOnlySpan<Slot> All => _slots;

    internal bool AnyFree => Array.Exists(_slots, s => s.IsFree);

    /// <summary>Prompt tokens computed in a second, as measured lately; decides what is worth copying.</summary>
    internal double PromptTokensPerSecond { get; set; } = 500;

    /// <summary>Gives the job a slot, with as much of its prompt as there is in the caches.</summary>
    /// <returns>False when no slot is free, or when the job's beginning is being computed and is worth waiting for.</returns>
    internal bool TryAssign(GenerationJob job)
    {
        var prompt = job.Plan.Prompt;
        if (job.Plan.Alone || !_canReuse)
            return TryAssign(job, Emptiest(), 0);

        // The last token is always computed, for its logits.
        var usable = prompt.AsSpan(0, prompt.Length - 1);
        var scope = job.Plan.PrefixScope;
        var (holder, held) = LongestPrefix(scope, usable);
        if (WorthCopying(PrefixBeingComputed(scope, usable) - held))
            return false;

        if (holder is null || Emptiest() is not { } emptiest)
            return TryAssign(job, Emptiest(), 0);

        if (holder.IsFree && (holder == emptiest || holder.Cached.Count - held <= ExpendableTokens))
            return TryAssign(job, holder, held);

        if (!WorthCopying(held))
            return TryAssign(job, emptiest, emptiest.CommonPrefix(scope, usable));

        Copy(holder, emptiest);
        return TryAssign(job, emptiest, held);
    }

    /// <summary>Takes the job from its slot; the cache stays for the next one that begins alike.</summary>
    internal void Release(Slot slot)
    {
        var job = slot.Job;
        slot.Job = null;
        slot.LastUsed = ++_clock;
        if (slot.Shifted || job is { Plan.Alone: true } || !_canReuse)
            Clear(slot);
        job?.Dispose();
    }

    /// <summary>Forgets what is held of prompts that nobody has gone on with for long.</summary>
    internal void ForgetIdle(TimeProvider time, TimeSpan after)
    {
        foreach (var slot in _slots)
        {
            if (slot.IsFree && slot.Cached.Count > 0 && time.GetElapsedTime(slot.EndedAt) >= after)
                Clear(slot);
        }
    }

    /// <summary>Forgets what a slot holds, after a failure that left its cache in doubt.</summary>
    internal void Clear(Slot slot)
    {
        if (_context.Memory != 0)
            LlamaApi.llama_memory_seq_rm(_context.Memory, slot.Id, -1, -1);
        slot.Cached.Clear();
        slot.Shifted = false;
    }

    private bool TryAssign(GenerationJob job, Slot? slot, int keep)
    {
        if (slot is null)
            return false;
        if (keep < slot.Cached.Count || keep == 0)
        {
            // Some caches (a sliding window, a recurrent state) cannot be cut in the middle: then nothing of it is kept.
            if (keep == 0 || !LlamaApi.llama_memory_seq_rm(_context.Memory, slot.Id, keep, -1))
            {
                Clear(slot);
                keep = 0;
            }

            slot.Cached.RemoveRange(keep, slot.Cached.Count - keep);
        }

        slot.Job = job;
        slot.Scope = job.Plan.PrefixScope;
        slot.Shifted = false;
        slot.LastUsed = ++_clock;
        job.PromptComputed = keep;
        job.CachedTokens = keep;
        return true;
    }

    private void Copy(Slot from, Slot to)
    {
        Clear(to);
        LlamaApi.llama_memory_seq_cp(_context.Memory, from.Id, to.Id, -1, -1);
        to.Cached.AddRange(from.Cached);
        to.Scope = from.Scope;
    }

    private (Slot? Slot, int Length) LongestPrefix(string? scope, ReadOnlySpan<int> prompt)
    {
        Slot? best = null;
        var length = 0;
        foreach (var slot in _slots)
        {
            var common = slot.CommonPrefix(scope, prompt);
            // Among equals a free one, which needs no copy.
            if (common > length || (common == length && common > 0 && slot.IsFree && best is { IsFree: false }))
                (best, length) = (slot, common);
        }

        return (best, length);
    }

    private int PrefixBeingComputed(string? scope, ReadOnlySpan<int> prompt)
    {
        var longest = 0;
        foreach (var slot in _slots)
        {
            if (slot.Job is { InPrompt: true, Plan.Alone: false } job && job.Plan.PrefixScope == scope)
                longest = Math.Max(longest, job.Plan.Prompt.AsSpan().CommonPrefixLength(prompt));
        }

        return longest;
    }

    private bool WorthCopying(int tokens) =>
        tokens > 0 && tokens / PromptTokensPerSecond > _sequenceBytes / CopyBytesPerSecond;

    /// <summary>
    /// The free slot to give up: the lowest of those that hold little, since the library computes together only sequences
    /// that follow each other without a gap; where all hold much, the one unused for longest.
    /// </summary>
    private Slot? Emptiest()
    {
        Slot? best = null;
        foreach (var slot in _slots)
        {
            if (!slot.IsFree)
                continue;
            if (slot.Cached.Count <= CheapTokens)
                return slot;
            if (best is null || slot.LastUsed < best.LastUsed)
                best = slot;
        }

        return best;
    }
}
