using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>Gives freed memory back to the system. Thread-safe.</summary>
internal static unsafe class NativeHeap
{
    private static readonly delegate* unmanaged[Cdecl]<nuint, int> _trim = FindTrim();

    /// <summary>
    /// Does so where the C library keeps it (glibc): each thread that loads a model has an arena of its own there, and what is
    /// freed stays with the arena, so that loading and unloading in turn would look like a leak. Elsewhere it does nothing.
    /// </summary>
    internal static void Trim()
    {
        if (_trim != null)
            _trim(0);
    }

    private static delegate* unmanaged[Cdecl]<nuint, int> FindTrim() =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad("libc.so.6", out var library)
        && NativeLibrary.TryGetExport(library, "malloc_trim", out var address)
            ? (delegate* unmanaged[Cdecl]<nuint, int>)address
            : null;
}
