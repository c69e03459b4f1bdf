namespace Chasqui.Engines.Models;

/// <summary>Refuses tensors whose number format llama.cpp cannot compute with: it loads them, and ends the process at the first token.</summary>
internal static class GgufWeights
{
    /// <summary>Formats of intermediate results and of tables.</summary>
    private static readonly string[] _notForWeights = ["I8", "I16", "I64", "F64", "Q8_1", "Q8_K"];

    /// <exception cref="GgufFormatException">A tensor has such a format; the message names it.</exception>
    public static void Check(GgufFile file)
    {
        foreach (var tensor in file.Tensors)
        {
            var what = $"the tensor \"{GgufMetadataParser.Show(tensor.Name)}\"";
            // Norms and biases are added and multiplied as they are, which is written for F32 alone.
            if (tensor.Shape.Count <= 1 && tensor.Type != "F32")
                throw new GgufFormatException($"{what} has one dimension and the number format {tensor.Type}, but must be F32");
            if (_notForWeights.Contains(tensor.Type, StringComparer.Ordinal))
                throw new GgufFormatException($"{what} has the number format {tensor.Type}, which is not one for weights");
        }
    }
}
