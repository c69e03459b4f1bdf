using System.Globalization;
using Chasqui.Bench.Proxy;

namespace Chasqui.Bench.Hostile;

/// <summary>Memory of a gateway and of the processes that it has started, as Linux tells it.</summary>
/// <param name="Gateway">Of the gateway itself, MiB.</param>
/// <param name="Worker">Of its engine's worker, MiB; 0 where there is none.</param>
internal readonly record struct ResidentMemory(double Gateway, double Worker)
{
    private const double KibibytesOfMebibyte = 1024;

    /// <summary>Reads it now.</summary>
    public static ResidentMemory Of(int process) => new(One(process), ProcessTime.Tree(process).Skip(1).Sum(One));

    /// <summary>The greater of each.</summary>
    public static ResidentMemory Most(ResidentMemory one, ResidentMemory other) => new(Math.Max(one.Gateway, other.Gateway), Math.Max(one.Worker, other.Worker));

    // VmRSS of proc(5), in KiB.
    private static double One(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / KibibytesOfMebibyte;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has just ended.
            return 0;
        }
    }
}
