using System.Globalization;
using Chasqui.Bench;

namespace Chasqui.Cli;

/// <summary>A measurement for people.</summary>
internal static class BenchTable
{
    public static void Write(CliConsole console, BenchReport report)
    {
        TableOutput.Write(console, ["~MEASURED", ">MEDIAN", "?>MIN", "?>MAX", "UNIT"], report.Rows.Select(row =>
            (IReadOnlyList<string>)[row.Name, Figure(row.Median), Figure(row.Min), Figure(row.Max), row.Unit]));
        if (report.Ratios.Count == 0)
            return;
        if (console.OutputIsTerminal)
            console.Out.WriteLine();
        TableOutput.Write(console, ["~RATIO", ">VALUE", "?~OF", "?~TO"], report.Ratios.Select(ratio =>
            (IReadOnlyList<string>)[ratio.Name, Figure(ratio.Value) + "x", ratio.Of, ratio.To]));
    }

    /// <summary>Three significant digits at least.</summary>
    private static string Figure(double value)
    {
        var magnitude = Math.Abs(value);
        var format = magnitude >= 100 ? "0" : magnitude >= 10 ? "0.0" : magnitude >= 1 ? "0.00" : "0.000";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }
}
