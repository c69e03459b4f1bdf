namespace Chasqui.Engines.Models;

/// <summary>Names for <c>general.file_type</c>, the kind of quantisation of a whole file (<c>llama_ftype</c> in <c>llama.h</c>).</summary>
internal static class GgufFileTypes
{
    private static readonly string[] _names =
    [
        "F32", "F16", "Q4_0", "Q4_1", "", "", "", "Q8_0", "Q5_0", "Q5_1",
        "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS",
        "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M",
        "IQ4_XS", "IQ1_M", "BF16", "", "", "", "TQ1_0", "TQ2_0", "MXFP4_MOE", "NVFP4",
        "Q1_0", "Q2_0",
    ];

    /// <summary>
    /// The name, or where the file does not say, that of the format most of its parameters are in; <c>unknown</c> for neither.
    /// </summary>
    public static string NameOf(long? fileType, IReadOnlyList<TensorDescription> tensors)
    {
        if (fileType is >= 0 && fileType < _names.Length && _names[fileType.Value].Length > 0)
            return _names[fileType.Value];
        return tensors
            .GroupBy(t => t.Type, StringComparer.Ordinal)
            .OrderByDescending(g => g.Sum(t => (double)GgufShape.Elements(t.Shape)))
            .ThenBy(g => g.Key, StringComparer.Ordinal)
            .FirstOrDefault()?.Key ?? "unknown";
    }
}
