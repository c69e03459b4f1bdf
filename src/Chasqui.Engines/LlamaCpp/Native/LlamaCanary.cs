using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>
/// Checks that the loaded library is the one that the structs were written for. A library of another layout would not fail:
/// it would read garbage. So the version, the sizes and the telling defaults must all be as expected.
/// </summary>
internal static unsafe class LlamaCanary
{
    internal static void Check()
    {
        var version = Marshal.PtrToStringUTF8((nint)LlamaApi.llama_version()) ?? "";
        Expect(version == LlamaLibrary.ExpectedVersion, $"its version is '{version}'");

        Expect(sizeof(LlamaModelParams) == 80 && sizeof(LlamaContextParams) == 160 && sizeof(LlamaBatch) == 56, "struct sizes differ");

        var model = LlamaApi.llama_model_default_params();
        Expect(model is { GpuLayers: -1, SplitMode: 1, LoadMode: -1, LazyMode: 1, MainGpu: 0, KvOverrides: 0, VocabOnly: 0, UseExtraBufts: 1, NoAlloc: 0 },
            "the model parameters have other defaults");

        var context = LlamaApi.llama_context_default_params();
        Expect(context is
        {
            NCtx: 512, NBatch: 2048, NUbatch: 512, NSeqMax: 1, PoolingType: -1, YarnExtFactor: -1f, DefragThreshold: -1f,
            TypeK: 1, TypeV: 1, Embeddings: 0, OffloadKqv: 1, NoPerf: 1, OpOffload: 1, SwaFull: 1, KvUnified: 0, NSamplers: 0
        },
            "the context parameters have other defaults");
    }

    private static void Expect(bool holds, string difference)
    {
        if (!holds)
        {
            throw new EngineUnavailableException(
                $"the llama.cpp library in '{LlamaLibrary.Folder}' is not version {LlamaLibrary.ExpectedVersion}, which this program was written for: {difference}");
        }
    }
}
