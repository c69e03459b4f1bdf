using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>Finds, loads and checks the llama.cpp libraries, once for the process.</summary>
/// <remarks>Thread-safe. A failure is remembered, so that every later call tells the same reason.</remarks>
internal static unsafe class LlamaLibrary
{
    /// <summary>What the pinned build of llama.cpp calls itself; the structs were written from its header.</summary>
    internal const string ExpectedVersion = "0.5.0-dev";

    private static readonly Lock _gate = new();
    private static readonly Dictionary<string, nint> _handles = new(StringComparer.Ordinal);
    private static bool _resolverSet;
    private static bool _ready;
    private static EngineUnavailableException? _failure;

    /// <summary>Where the libraries are: <c>llama/</c> beside the program, or the folder of <c>CHASQUI_LLAMA_LIBRARIES</c>.</summary>
    internal static string Folder =>
        Environment.GetEnvironmentVariable("CHASQUI_LLAMA_LIBRARIES") is { Length: > 0 } folder
            ? folder
            : Path.Combine(AppContext.BaseDirectory, "llama");

    /// <summary>Loads the libraries unless that has been done.</summary>
    /// <exception cref="EngineUnavailableException">There are none for this platform, or they are of another version.</exception>
    internal static void EnsureLoaded(ILogger logger)
    {
        lock (_gate)
        {
            if (_ready)
                return;
            if (_failure is not null)
                throw new EngineUnavailableException(_failure.Message, _failure);
            try
            {
                Load(logger);
                _ready = true;
            }
            catch (EngineUnavailableException e)
            {
                _failure = e;
                throw;
            }
        }
    }

    private static void Load(ILogger logger)
    {
        var folder = Folder;
        if (!Directory.Exists(folder))
        {
            throw new EngineUnavailableException(
                $"there are no llama.cpp libraries for {RuntimeInformation.RuntimeIdentifier} in '{folder}'; "
                + "the embedded engine runs on linux-x64, linux-arm64 and linux-arm (glibc)");
        }

        // ggml would load whatever this variable names, in place of the libraries that were checked.
        Environment.SetEnvironmentVariable("GGML_BACKEND_PATH", null);
        if (!_resolverSet)
        {
            NativeLibrary.SetDllImportResolver(typeof(LlamaLibrary).Assembly, Resolve);
            _resolverSet = true;
        }

        try
        {
            _handles[LlamaApi.GgmlBase] = NativeLibrary.Load(Find(folder, LlamaApi.GgmlBase));
            _handles[LlamaApi.Ggml] = NativeLibrary.Load(Find(folder, LlamaApi.Ggml));
            _handles[LlamaApi.Llama] = NativeLibrary.Load(Find(folder, LlamaApi.Llama));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new EngineUnavailableException($"the llama.cpp libraries in '{folder}' cannot be loaded: {e.Message}", e);
        }

        LlamaLog.Attach(logger);
        LlamaCanary.Check();
        fixed (byte* path = Encoding.UTF8.GetBytes(folder + '\0'))
            LlamaApi.ggml_backend_load_all_from_path(path);
        if (LlamaApi.ggml_backend_dev_count() == 0)
            throw new EngineUnavailableException($"no variant of the llama.cpp libraries in '{folder}' runs on this processor");
        LlamaApi.llama_backend_init();
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        _handles.TryGetValue(name, out var handle) ? handle : 0;

    /// <summary>The file of a library whose name may carry a version: <c>libllama.v0.5.0.so</c>, <c>libggml-base.so</c>.</summary>
    private static string Find(string folder, string name) =>
        Directory.EnumerateFiles(folder)
            .FirstOrDefault(f => Path.GetFileName(f) is var file
                && (file.StartsWith($"lib{name}.", StringComparison.Ordinal) || file.StartsWith($"{name}.", StringComparison.OrdinalIgnoreCase)))
        ?? throw new EngineUnavailableException($"the library '{name}' is missing in '{folder}'");
}
