using System.Globalization;

namespace Chasqui.Bench.Engine;

/// <summary>
/// Processor time of the threads that do not decode, from <c>/proc/self/task</c> (proc(5)): the gateway's own. The threads that
/// help the decode thread bear its name, since a thread begins with the name of the one that made it.
/// </summary>
internal sealed class OwnThreadTime
{
    private const string Tasks = "/proc/self/task";

    // The kernel keeps 15 characters of a thread's name.
    private const string DecodeThread = "llama.cpp decod";

    private readonly Dictionary<string, TimeSpan> _threads = new(StringComparer.Ordinal);

    private OwnThreadTime() { }

    /// <summary>Null where the system does not tell (elsewhere than on Linux).</summary>
    internal static OwnThreadTime? Read()
    {
        if (!Directory.Exists(Tasks))
            return null;
        var own = new OwnThreadTime();
        foreach (var task in Directory.EnumerateDirectories(Tasks))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(task, "comm")).Trim() != DecodeThread)
                    own._threads.Add(task, Parse(File.ReadAllText(Path.Combine(task, "schedstat"))));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The thread ended while it was looked at: it computes no more.
                continue;
            }
        }

        return own;
    }

    /// <summary>What the threads that there are now have used since an earlier reading.</summary>
    internal TimeSpan Since(OwnThreadTime earlier) =>
        new(_threads.Sum(thread => (thread.Value - earlier._threads.GetValueOrDefault(thread.Key)).Ticks));

    // The first number is the time on a processor in nanoseconds.
    private static TimeSpan Parse(string schedstat) =>
        TimeSpan.FromMicroseconds(long.Parse(schedstat.AsSpan(0, schedstat.IndexOf(' ')), CultureInfo.InvariantCulture) / 1000.0);
}
