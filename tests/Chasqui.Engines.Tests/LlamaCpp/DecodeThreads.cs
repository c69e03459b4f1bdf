namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>The decode threads of this process. A model that was loaded and never freed has one that stays.</summary>
internal static class DecodeThreads
{
    // The system keeps fifteen characters of a thread's name.
    private const string Name = "llama.cpp decod";

    internal static int Count => Directory.Exists("/proc/self/task")
        ? Directory.EnumerateDirectories("/proc/self/task").Count(IsOne)
        : 0;

    private static bool IsOne(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "comm")).StartsWith(Name, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // The thread has ended between the two looks.
            return false;
        }
    }
}
