using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>A reusable batch of tokens, each at a position of one sequence. Not thread-safe.</summary>
internal sealed unsafe class TokenBatch : IDisposable
{
    private readonly int _capacity;
    private readonly int _sequences;
    private LlamaBatch _batch;
    private int* _sequenceIds;

    /// <param name="capacity">Tokens it can hold.</param>
    /// <param name="sequences">Sequence ids must be below this: the library takes a larger one and corrupts its memory.</param>
    internal TokenBatch(int capacity, int sequences)
    {
        _capacity = capacity;
        _sequences = sequences;
        _sequenceIds = Allocate<int>(capacity);
        _batch = new LlamaBatch
        {
            Token = Allocate<int>(capacity),
            Pos = Allocate<int>(capacity),
            NSeqId = Allocate<int>(capacity),
            SeqId = (int**)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(int*)),
            Logits = Allocate<sbyte>(capacity),
        };
        for (var i = 0; i < capacity; i++)
        {
            _batch.NSeqId[i] = 1;
            _batch.SeqId[i] = &_sequenceIds[i];
        }
    }

    internal int Count => _batch.NTokens;

    internal int Room => _capacity - _batch.NTokens;

    internal void Clear() => _batch.NTokens = 0;

    /// <returns>The token's index in the batch, by which its logits are found.</returns>
    internal int Add(int token, int position, int sequence, bool output)
    {
        ObjectDisposedException.ThrowIf(_sequenceIds == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_batch.NTokens, _capacity);
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, _sequences);
        var i = _batch.NTokens++;
        _batch.Token[i] = token;
        _batch.Pos[i] = position;
        _sequenceIds[i] = sequence;
        _batch.Logits[i] = output ? (sbyte)1 : (sbyte)0;
        return i;
    }

    /// <returns>What <c>llama_decode</c> returned: 0 for success, 1 for no room in the cache, 2 for aborted, below 0 for a failure.</returns>
    internal int Decode(LlamaContext context) => LlamaApi.llama_decode(context.Pointer, _batch);

    public void Dispose()
    {
        if (_sequenceIds == null)
            return;
        NativeMemory.Free(_batch.Token);
        NativeMemory.Free(_batch.Pos);
        NativeMemory.Free(_batch.NSeqId);
        NativeMemory.Free(_batch.SeqId);
        NativeMemory.Free(_batch.Logits);
        NativeMemory.Free(_sequenceIds);
        _sequenceIds = null;
        _batch = default;
    }

    private static T* Allocate<T>(int count)
        where T : unmanaged => (T*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(T));
}
