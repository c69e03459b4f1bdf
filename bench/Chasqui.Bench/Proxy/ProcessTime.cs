using System.Globalization;
using System.Runtime.InteropServices;

namespace Chasqui.Bench.Proxy;

/// <summary>Processor time of a process and all that it started, kernel time included.</summary>
internal static class ProcessTime
{
    /// <summary>Reads it; what a process of the tree used that has ended meanwhile is not in it.</summary>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    public static TimeSpan Of(int process)
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("the processor time of other programs is read as Linux tells it");
        return new TimeSpan(Tree(process).Sum(id => One(id).Ticks));
    }

    /// <summary>A process and its descendants, from the parents that <c>/proc/PID/stat</c> names (proc(5)).</summary>
    internal static IReadOnlyList<int> Tree(int process)
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && Parent(folder) is { } parent)
                parents.Add(id, parent);
        }

        var tree = new List<int> { process };
        for (var i = 0; i < tree.Count; i++)
            tree.AddRange(parents.Where(p => p.Value == tree[i]).Select(p => p.Key));
        return tree;
    }

    private static int? Parent(string folder)
    {
        try
        {
            // The name, in brackets, may hold anything.
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ')[2], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has just ended.
            return null;
        }
    }

    // The process's own clock (clock_getcpuclockid(3)) counts nanoseconds, where /proc/PID/stat counts hundredths of a second.
    private static TimeSpan One(int process) =>
        ClockGetTime((~process << 3) | 2, out var time) == 0 ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromMicroseconds(time.Nanoseconds / 1000.0) : TimeSpan.Zero;

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
