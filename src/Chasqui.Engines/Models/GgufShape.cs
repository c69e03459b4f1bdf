namespace Chasqui.Engines.Models;

/// <summary>Arithmetic of tensor shapes that refuses to overflow.</summary>
internal static class GgufShape
{
    /// <summary>Elements of a shape; 1 for an empty one.</summary>
    public static long Elements(IReadOnlyList<long> shape)
    {
        var product = 1L;
        foreach (var dimension in shape)
            product = checked(product * dimension);
        return product;
    }

    /// <summary>Bytes of a tensor, which are whole blocks.</summary>
    public static long Bytes(IReadOnlyList<long> shape, GgmlType type) =>
        checked(Elements(shape) / type.BlockSize * type.BlockBytes);

    /// <summary>The next multiple of <paramref name="alignment"/>, a power of two.</summary>
    public static long Pad(long value, long alignment) => checked(value + alignment - 1) & ~(alignment - 1);
}
