using Chasqui.Engines.LlamaCpp.Decoding;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Residency;

/// <summary>A model in memory: its weights, its decode loop, and what they take.</summary>
internal sealed class LoadedModel(ModelDescription description, LlamaModel weights, DecodeLoop loop, ContextLayout layout, long sizeBytes)
    : IAsyncDisposable
{
    internal ModelDescription Description { get; } = description;

    internal LlamaModel Weights { get; } = weights;

    internal DecodeLoop Loop { get; } = loop;

    internal ContextLayout Layout { get; } = layout;

    /// <summary>Bytes, as estimated.</summary>
    internal long SizeBytes { get; } = sizeBytes;

    /// <summary>Tokens that one request may use.</summary>
    internal int ContextLength => Layout.SequenceContext;

    public async ValueTask DisposeAsync()
    {
        await Loop.DisposeAsync().ConfigureAwait(false);
        Weights.Dispose();
        NativeHeap.Trim();
    }
}
