using System.Globalization;

namespace Chasqui.Engines.Models;

/// <summary>Counts of parameters for people, in Ollama's spelling.</summary>
public static class HumanNumber
{
    /// <summary>
    /// <c>7.2B</c> and <c>7B</c> from a billion, <c>1.10M</c> and <c>1M</c> from a million, <c>935K</c> from a thousand, else the number.
    /// </summary>
    public static string Format(long count)
    {
        var culture = CultureInfo.InvariantCulture;
        return count switch
        {
            >= 1_000_000_000 when count % 1_000_000_000 == 0 => (count / 1_000_000_000).ToString(culture) + "B",
            >= 1_000_000_000 => (count / 1e9).ToString("F1", culture) + "B",
            >= 1_000_000 when count % 1_000_000 == 0 => (count / 1_000_000).ToString(culture) + "M",
            >= 1_000_000 => (count / 1e6).ToString("F2", culture) + "M",
            >= 1_000 => (count / 1e3).ToString("F0", culture) + "K",
            _ => count.ToString(culture),
        };
    }
}
