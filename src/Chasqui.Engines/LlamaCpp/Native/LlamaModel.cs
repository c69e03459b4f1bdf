using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>A loaded model: weights and vocabulary. Thread-safe; freed when the last user is done (a <see cref="SafeHandle"/>).</summary>
internal sealed unsafe partial class LlamaModel : SafeHandle
{
    /// <summary>Texts longer than this are refused before they reach the tokenizer, whose lengths are 32-bit.</summary>
    internal const int MaxTextBytes = 256 * 1024 * 1024;

    private readonly nint _vocab;
    private readonly bool _isBpe;
    private readonly ConcurrentDictionary<int, byte[]> _pieces = new();
    private readonly ConcurrentDictionary<int, bool> _endings = new();
    private readonly Lazy<VocabularyOrder> _order;

    private LlamaModel(nint handle)
        : base(0, ownsHandle: true)
    {
        SetHandle(handle);
        _vocab = LlamaApi.llama_model_get_vocab(handle);
        _isBpe = LlamaApi.llama_vocab_type(_vocab) == VocabularyCheck.BytePairs;
        VocabularySize = LlamaApi.llama_vocab_n_tokens(_vocab);
        _order = new(() =>
        {
            using var use = Use();
            return new VocabularyOrder(VocabularySize, token => ReadPiece(_vocab, token), EndsGeneration);
        });
        TrainedContext = LlamaApi.llama_model_n_ctx_train(handle);
        EmbeddingLength = LlamaApi.llama_model_n_embd_out(handle);
        HasEncoder = LlamaApi.llama_model_has_encoder(handle);
        HasDecoder = LlamaApi.llama_model_has_decoder(handle);
        IsRecurrent = LlamaApi.llama_model_is_recurrent(handle) || LlamaApi.llama_model_is_hybrid(handle);
        IsDiffusion = LlamaApi.llama_model_is_diffusion(handle);
    }

    public override bool IsInvalid => handle == 0;

    internal nint Pointer => handle;

    internal nint Vocabulary => _vocab;

    internal int VocabularySize { get; }

    /// <summary>Tokens of context the model was trained for.</summary>
    internal int TrainedContext { get; }

    /// <summary>Components of a hidden state, so of a pooled vector.</summary>
    internal int EmbeddingLength { get; }

    internal bool HasEncoder { get; }

    internal bool HasDecoder { get; }

    /// <summary>State that cannot be cut in the middle (Mamba and its like), so no prefix of it can be kept.</summary>
    internal bool IsRecurrent { get; }

    internal bool IsDiffusion { get; }

    /// <summary>Loads a file. Blocks for as long as the disk takes; call it off the pool.</summary>
    /// <exception cref="ModelLoadException">The library refused it.</exception>
    internal static LlamaModel Load(string name, string path, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var parameters = LlamaApi.llama_model_default_params();
        var cancel = GCHandle.Alloc(cancellationToken);
        try
        {
            parameters.ProgressCallback = (nint)(delegate* unmanaged[Cdecl]<float, void*, byte>)&OnProgress;
            parameters.ProgressCallbackUserData = GCHandle.ToIntPtr(cancel);
            var handle = LlamaLog.Capture(() =>
            {
                fixed (byte* file = Encoding.UTF8.GetBytes(path + '\0'))
                    return LlamaApi.llama_model_load_from_file(file, parameters);
            }, out var errors);
            if (handle == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new ModelLoadException(name, errors.Length > 0 ? errors : "llama.cpp gave no reason");
            }

            return Checked(name, new LlamaModel(handle), cancellationToken);
        }
        finally
        {
            cancel.Free();
        }
    }

    private static LlamaModel Checked(string name, LlamaModel model, CancellationToken cancellationToken)
    {
        try
        {
            // A caller that cancels when all is read gets no model, so it is freed.
            cancellationToken.ThrowIfCancellationRequested();
            if (VocabularyCheck.Fault(model._vocab) is { } fault)
                throw new ModelLoadException(name, fault);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>All tokens in the order of their bytes. Made when it is first asked for, which takes a while.</summary>
    internal VocabularyOrder Order => _order.Value;

    /// <summary>Whether a token ends a generation.</summary>
    /// <exception cref="EngineUnavailableException">The model has been freed.</exception>
    internal bool EndsGeneration(int token) => _endings.GetOrAdd(
        token, static (t, model) =>
        {
            using var use = model.Use();
            return LlamaApi.llama_vocab_is_eog(model._vocab, t);
        }, this);

    /// <summary>The bytes of a token; empty for control tokens.</summary>
    /// <exception cref="EngineUnavailableException">The model has been freed.</exception>
    internal byte[] Piece(int token) => _pieces.GetOrAdd(
        token, static (t, model) =>
        {
            using var use = model.Use();
            return ReadPiece(model._vocab, t);
        }, this);

    /// <summary>The tokens of a text. A word of many thousand characters may come out as other tokens than the model was trained on.</summary>
    internal int[] Tokenize(string text, bool addSpecial, bool parseSpecial, CancellationToken cancellationToken = default) =>
        Tokenize(text, int.MaxValue, addSpecial, parseSpecial, out _, cancellationToken);

    /// <summary>The same of a text in pieces, but no further piece once there are more than <paramref name="most"/> tokens.</summary>
    private int[] Tokenize(string text, int most, bool addSpecial, bool parseSpecial, out bool isCut, CancellationToken cancellationToken)
    {
        isCut = false;
        if (text.Length == 0 && !addSpecial)
            return [];
        if (Encoding.UTF8.GetByteCount(text) is var length && length > MaxTextBytes)
            throw new InvalidRequestException($"the text is {length} bytes long, but must be at most {MaxTextBytes}");
        var pieces = _isBpe ? TextPieces.Of(text) : [];
        if (pieces.Count <= 1)
            return TokenizePiece(text, addSpecial, parseSpecial);

        // An engine that stops frees its models although requests are being prepared.
        using var use = Use();
        var tokens = new List<int>(text.Length / 2);
        if (addSpecial && LlamaApi.llama_vocab_get_add_bos(_vocab))
            tokens.Add(LlamaApi.llama_vocab_bos(_vocab));
        foreach (var piece in pieces)
        {
            isCut = tokens.Count > most;
            if (isCut)
                break;
            cancellationToken.ThrowIfCancellationRequested();
            tokens.AddRange(TokenizePiece(text.AsSpan()[piece], addSpecial: false, parseSpecial));
        }

        if (addSpecial && LlamaApi.llama_vocab_get_add_eos(_vocab))
            tokens.Add(LlamaApi.llama_vocab_eos(_vocab));
        return [.. tokens];
    }

    private int[] TokenizePiece(ReadOnlySpan<char> text, bool addSpecial, bool parseSpecial)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);

        // Long texts take seconds, and an engine that stops does not wait for them: the vocabulary must outlive the call.
        using var use = Use();
        // A token has at least one byte but for the few that are added.
        var buffer = ArrayPool<int>.Shared.Rent(bytes.Length + 8);
        try
        {
            fixed (byte* source = bytes)
            fixed (int* target = buffer)
            {
                byte none = 0;
                var start = bytes.Length == 0 ? &none : source;
                var count = LlamaApi.llama_tokenize(_vocab, start, bytes.Length, target, buffer.Length, addSpecial, parseSpecial);
                if (count < 0)
                    throw new EngineFailedException($"the tokenizer of llama.cpp failed with {count}");
                return buffer.AsSpan(0, count).ToArray();
            }
        }
        finally
        {
            ArrayPool<int>.Shared.Return(buffer);
        }
    }

    /// <summary>Keeps the model from being freed until the result is disposed.</summary>
    /// <exception cref="EngineUnavailableException">It has been freed.</exception>
    private Usage Use()
    {
        var added = false;
        try
        {
            DangerousAddRef(ref added);
        }
        catch (ObjectDisposedException e)
        {
            throw new EngineUnavailableException("the model was unloaded while the request was prepared", e);
        }

        return new Usage(this);
    }

    private readonly struct Usage(LlamaModel model) : IDisposable
    {
        public void Dispose() => model.DangerousRelease();
    }

    protected override bool ReleaseHandle()
    {
        LlamaApi.llama_model_free(handle);
        return true;
    }

    private static byte[] ReadPiece(nint vocab, int token)
    {
        Span<byte> buffer = stackalloc byte[256];
        fixed (byte* start = buffer)
        {
            var count = LlamaApi.llama_token_to_piece(vocab, token, start, buffer.Length, 0, special: false);
            if (count >= 0)
                return buffer[..count].ToArray();
            var larger = new byte[-count];
            fixed (byte* wide = larger)
                count = LlamaApi.llama_token_to_piece(vocab, token, wide, larger.Length, 0, special: false);
            return larger.AsSpan(0, Math.Max(count, 0)).ToArray();
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static byte OnProgress(float progress, void* cancel) =>
        GCHandle.FromIntPtr((nint)cancel).Target is CancellationToken { IsCancellationRequested: true } ? (byte)0 : (byte)1;
}
