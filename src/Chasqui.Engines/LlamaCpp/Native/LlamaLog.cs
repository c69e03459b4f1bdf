using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>Takes llama.cpp's log, which would otherwise go to standard error, and keeps the errors of the current thread for exceptions.</summary>
internal static unsafe partial class LlamaLog
{
    private const int LevelWarn = 3;
    private const int LevelError = 4;
    private const int KeptErrors = 4;

    private static ILogger? _logger;

    [ThreadStatic]
    private static List<string>? _errors;

    internal static void Attach(ILogger logger)
    {
        Volatile.Write(ref _logger, logger);
        LlamaApi.llama_log_set((nint)(delegate* unmanaged[Cdecl]<int, byte*, void*, void>)&OnLog, 0);
    }

    /// <summary>Runs a native call and returns the errors that it logged on this thread, joined; empty for none.</summary>
    internal static T Capture<T>(Func<T> call, out string errors)
    {
        _errors = [];
        try
        {
            var result = call();
            errors = string.Join("; ", _errors);
            return result;
        }
        finally
        {
            _errors = null;
        }
    }

    // The library calls this from C++: an exception that left it would end the process.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnLog(int level, byte* text, void* userData)
    {
        var logger = Volatile.Read(ref _logger);
        // Its debug lines come at every step. Where no logger takes them, they cost nothing.
        if (level < LevelWarn && logger?.IsEnabled(LogLevel.Trace) != true)
            return;
        var line = (Marshal.PtrToStringUTF8((nint)text) ?? "").TrimEnd();
        if (line.Length == 0 || line.All(c => c == '.'))
            return;
        if (level == LevelError && _errors is { Count: < KeptErrors } errors)
            errors.Add(line);
        if (logger is null)
            return;
        try
        {
            // What is an error to the library is an exception to our caller, who decides how loud it is.
            if (level is LevelWarn or LevelError)
                Warned(logger, line);
            else
                Said(logger, line);
        }
        catch (Exception)
        {
            // A logger whose owner is gone may throw. The line is lost, and the process goes on.
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "llama.cpp: {Line}")]
    private static partial void Warned(ILogger logger, string line);

    [LoggerMessage(Level = LogLevel.Trace, Message = "llama.cpp: {Line}")]
    private static partial void Said(ILogger logger, string line);
}
