using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>How a context is laid out.</summary>
/// <param name="Sequences">Sequences that can be held at once, each with a cache of its own.</param>
/// <param name="SequenceContext">Tokens each of them can hold.</param>
/// <param name="Batch">Tokens computed in one step at most.</param>
/// <param name="Threads">Threads of the arithmetic.</param>
/// <param name="MostThreads">Threads that steps of many tokens may use where that is measured to be faster; at least <paramref name="Threads"/>.</param>
/// <param name="Embeddings">Hidden states rather than logits are wanted, for every token of a batch.</param>
internal readonly record struct ContextLayout(int Sequences, int SequenceContext, int Batch, int Threads, int MostThreads, bool Embeddings)
{
    /// <summary>Tokens that one call may carry: a full batch of prompt beside a token of each answer. The library ends the process at one more.</summary>
    internal int StepTokens => Embeddings ? Batch : Batch + Sequences;
}

/// <summary>The caches of a model and what is computed with them. Not thread-safe: one thread decodes with it and frees it.</summary>
internal sealed unsafe class LlamaContext : SafeHandle
{
    private readonly LlamaModel _model;

    private LlamaContext(nint handle, LlamaModel model, ContextLayout layout)
        : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        var added = false;
        model.DangerousAddRef(ref added);
        _model = model;
        Layout = layout;
        Memory = LlamaApi.llama_get_memory(handle);
        SequenceContext = (int)LlamaApi.llama_n_ctx_seq(handle);
        CanShift = Memory != 0 && LlamaApi.llama_memory_can_shift(Memory);
    }

    public override bool IsInvalid => handle == 0;

    internal nint Pointer => handle;

    internal ContextLayout Layout { get; }

    /// <summary>The caches; zero for a model that has none (an encoder).</summary>
    internal nint Memory { get; }

    /// <summary>Tokens that one sequence can hold; the library rounds up what was asked for.</summary>
    internal int SequenceContext { get; }

    internal bool CanShift { get; }

    /// <exception cref="EngineFailedException">The library could not make it, most likely for want of memory.</exception>
    internal static LlamaContext Create(LlamaModel model, ContextLayout layout)
    {
        var parameters = LlamaApi.llama_context_default_params();
        parameters.NCtx = (uint)(layout.SequenceContext * (long)layout.Sequences);
        parameters.NBatch = (uint)layout.StepTokens;
        parameters.NUbatch = (uint)layout.Batch;
        parameters.NSeqMax = (uint)layout.Sequences;
        parameters.NThreads = layout.Threads;
        parameters.NThreadsBatch = layout.Threads;
        if (layout.Embeddings)
        {
            parameters.Embeddings = 1;
            // Pooling is ours: the library's is wrong, without a word, for a text that is cut over several batches.
            parameters.PoolingType = (int)LlamaPooling.None;
        }
        else
        {
            // One row of logits for each sequence; the default reserves one for every token of a batch.
            parameters.NOutputsMax = (uint)Math.Max(layout.Sequences, 1);
        }

        var handle = LlamaLog.Capture(() => LlamaApi.llama_init_from_model(model.Pointer, parameters), out var errors);
        return handle != 0
            ? new LlamaContext(handle, model, layout)
            : throw new EngineFailedException(
                $"llama.cpp could not make a context of {layout.Sequences} x {layout.SequenceContext} tokens: {(errors.Length > 0 ? errors : "no reason given")}");
    }

    protected override bool ReleaseHandle()
    {
        LlamaApi.llama_free(handle);
        // The context reads the weights until here.
        _model.DangerousRelease();
        return true;
    }
}
