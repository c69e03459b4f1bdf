using System.Globalization;

namespace Chasqui.Engines.LlamaCpp.Memory;

/// <summary>How much memory can still be had on this machine, or within the control group that the process lives in.</summary>
internal static class SystemMemory
{
    private const string MemoryInformation = "/proc/meminfo";
    private const string GroupLimit = "/sys/fs/cgroup/memory.max";
    private const string GroupUsage = "/sys/fs/cgroup/memory.current";
    private const string GroupStatistics = "/sys/fs/cgroup/memory.stat";

    /// <summary>Bytes; caches that the system would give up count as available.</summary>
    internal static long AvailableBytes()
    {
        var available = ReadKilobytes(MemoryInformation, "MemAvailable:") ?? FromRuntime();
        if (ReadNumber(GroupLimit) is { } limit && ReadNumber(GroupUsage) is { } usage)
        {
            // Pages of files count as usage until the group needs them for something else.
            var reclaimable = ReadStatistic("inactive_file") + ReadStatistic("active_file");
            available = Math.Min(available, limit - usage + reclaimable);
        }

        return Math.Max(0, available);
    }

    private static long FromRuntime()
    {
        var information = GC.GetGCMemoryInfo();
        return information.TotalAvailableMemoryBytes - information.MemoryLoadBytes;
    }

    private static long? ReadKilobytes(string file, string field) =>
        Lines(file).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) is { } line
        && long.TryParse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture, out var kilobytes)
            ? kilobytes * 1024
            : null;

    private static long? ReadNumber(string file) =>
        Lines(file).FirstOrDefault() is { } line && long.TryParse(line, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long ReadStatistic(string name) =>
        Lines(GroupStatistics).FirstOrDefault(l => l.StartsWith(name + " ", StringComparison.Ordinal)) is { } line
        && long.TryParse(line[(name.Length + 1)..], CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;

    private static string[] Lines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
