using System.Text.Json;
using System.Text.Json.Serialization;

namespace Chasqui.Bench;

/// <summary>What a scenario measured.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Machine">What it ran on.</param>
/// <param name="Rows">The figures, one for each thing measured.</param>
/// <param name="Ratios">The comparisons, of medians.</param>
public sealed record BenchReport(string Scenario, BenchMachine Machine, IReadOnlyList<BenchRow> Rows, IReadOnlyList<BenchRatio> Ratios)
{
    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, _json);
}

/// <summary>One figure over the rounds.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">In what.</param>
/// <param name="Median">The figure to quote.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The most.</param>
public sealed record BenchRow(string Name, string Unit, double Median, double Min, double Max)
{
    /// <summary>Sums up the rounds' values, of which there is at least one.</summary>
    public static BenchRow From(string name, string unit, IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new BenchRow(name, unit, median, sorted[0], sorted[^1]);
    }
}

/// <summary>A comparison of two rows' medians.</summary>
/// <param name="Name">What is compared.</param>
/// <param name="Value">Median of <paramref name="Of"/> divided by that of <paramref name="To"/>.</param>
/// <param name="Of">The row above the line.</param>
/// <param name="To">The row below it.</param>
public sealed record BenchRatio(string Name, double Value, string Of, string To)
{
    /// <summary>Divides the medians of two rows.</summary>
    public static BenchRatio From(string name, BenchRow of, BenchRow to)
    {
        ArgumentNullException.ThrowIfNull(of);
        ArgumentNullException.ThrowIfNull(to);
        return new BenchRatio(name, of.Median / to.Median, of.Name, to.Name);
    }
}

/// <summary>What a scenario ran on.</summary>
/// <param name="Os">Operating system.</param>
/// <param name="Architecture">Processor architecture.</param>
/// <param name="Processor">Processor model.</param>
/// <param name="Cores">Cores the process may use.</param>
/// <param name="Runtime">.NET's version.</param>
public sealed record BenchMachine(string Os, string Architecture, string Processor, int Cores, string Runtime)
{
    /// <summary>Reads this machine's.</summary>
    public static BenchMachine Current()
    {
        const string Information = "/proc/cpuinfo";
        var processor = File.Exists(Information)
            ? File.ReadLines(Information).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            : null;
        return new BenchMachine(
            System.Runtime.InteropServices.RuntimeInformation.OSDescription,
            System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString(),
            processor ?? "unknown",
            Environment.ProcessorCount,
            System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription);
    }
}
