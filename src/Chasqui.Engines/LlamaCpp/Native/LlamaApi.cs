using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>The functions of llama.h (v0.5.0) that the engine calls. Handles are opaque pointers; owners are <see cref="LlamaModel"/> and <see cref="LlamaContext"/>.</summary>
internal static unsafe partial class LlamaApi
{
    internal const string Llama = "llama";
    internal const string Ggml = "ggml";
    internal const string GgmlBase = "ggml-base";

    [LibraryImport(Llama)] internal static partial byte* llama_version();
    [LibraryImport(Llama)] internal static partial LlamaModelParams llama_model_default_params();
    [LibraryImport(Llama)] internal static partial LlamaContextParams llama_context_default_params();
    [LibraryImport(Llama)] internal static partial LlamaSamplerChainParams llama_sampler_chain_default_params();
    [LibraryImport(Llama)] internal static partial void llama_backend_init();
    [LibraryImport(Llama)] internal static partial void llama_log_set(nint callback, nint userData);

    [LibraryImport(Ggml)] internal static partial void ggml_backend_load_all_from_path(byte* folder);
    [LibraryImport(Ggml)] internal static partial nuint ggml_backend_dev_count();

    [LibraryImport(Llama)] internal static partial nint llama_model_load_from_file(byte* path, LlamaModelParams parameters);
    [LibraryImport(Llama)] internal static partial void llama_model_free(nint model);
    [LibraryImport(Llama)] internal static partial nint llama_model_get_vocab(nint model);
    [LibraryImport(Llama)] internal static partial int llama_model_n_ctx_train(nint model);
    [LibraryImport(Llama)] internal static partial int llama_model_n_embd_out(nint model);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_model_has_encoder(nint model);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_model_has_decoder(nint model);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_model_is_recurrent(nint model);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_model_is_hybrid(nint model);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_model_is_diffusion(nint model);

    [LibraryImport(Llama)] internal static partial nint llama_init_from_model(nint model, LlamaContextParams parameters);
    [LibraryImport(Llama)] internal static partial void llama_free(nint context);
    [LibraryImport(Llama)] internal static partial nint llama_get_memory(nint context);
    [LibraryImport(Llama)] internal static partial uint llama_n_ctx_seq(nint context);
    [LibraryImport(Llama)] internal static partial int llama_decode(nint context, LlamaBatch batch);
    [LibraryImport(Llama)] internal static partial float* llama_get_logits_ith(nint context, int i);
    [LibraryImport(Llama)] internal static partial float* llama_get_embeddings_ith(nint context, int i);
    [LibraryImport(Llama)] internal static partial void llama_set_n_threads(nint context, int threads, int threadsBatch);

    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_memory_seq_rm(nint memory, int sequence, int from, int to);
    [LibraryImport(Llama)] internal static partial void llama_memory_seq_cp(nint memory, int source, int destination, int from, int to);
    [LibraryImport(Llama)] internal static partial void llama_memory_seq_add(nint memory, int sequence, int from, int to, int delta);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_memory_can_shift(nint memory);

    [LibraryImport(Llama)] internal static partial int llama_vocab_n_tokens(nint vocab);
    [LibraryImport(Llama)] internal static partial int llama_vocab_type(nint vocab);
    [LibraryImport(Llama)] internal static partial byte* llama_vocab_get_text(nint vocab, int token);
    [LibraryImport(Llama)] internal static partial int llama_vocab_get_attr(nint vocab, int token);
    [LibraryImport(Llama)] internal static partial int llama_vocab_bos(nint vocab);
    [LibraryImport(Llama)] internal static partial int llama_vocab_eos(nint vocab);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_vocab_get_add_bos(nint vocab);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_vocab_get_add_eos(nint vocab);
    [LibraryImport(Llama)][return: MarshalAs(UnmanagedType.U1)] internal static partial bool llama_vocab_is_eog(nint vocab, int token);
    [LibraryImport(Llama)]
    internal static partial int llama_tokenize(nint vocab, byte* text, int textLength, int* tokens, int tokensMax,
        [MarshalAs(UnmanagedType.U1)] bool addSpecial, [MarshalAs(UnmanagedType.U1)] bool parseSpecial);
    [LibraryImport(Llama)]
    internal static partial int llama_token_to_piece(nint vocab, int token, byte* buffer, int length, int lstrip,
        [MarshalAs(UnmanagedType.U1)] bool special);
    [LibraryImport(Llama)]
    internal static partial int llama_chat_apply_template(byte* template, LlamaChatMessage* messages, nuint count,
        [MarshalAs(UnmanagedType.U1)] bool addAssistant, byte* buffer, int length);

    [LibraryImport(Llama)] internal static partial nint llama_sampler_chain_init(LlamaSamplerChainParams parameters);
    [LibraryImport(Llama)] internal static partial void llama_sampler_chain_add(nint chain, nint sampler);
    [LibraryImport(Llama)] internal static partial void llama_sampler_free(nint sampler);
    [LibraryImport(Llama)] internal static partial void llama_sampler_apply(nint sampler, LlamaTokenDataArray* candidates);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_greedy();
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_dist(uint seed);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_top_k(int k);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_top_p(float p, nuint minKeep);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_min_p(float p, nuint minKeep);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_typical(float p, nuint minKeep);
    [LibraryImport(Llama)] internal static partial nint llama_sampler_init_temp(float temperature);
}
