using System.Buffers;
using System.Numerics;

namespace Chasqui.Protocol;

/// <summary>
/// Lends arrays of bytes of any size. Small ones come from the pool of the process. Larger ones have sizes in steps of a quarter of a power
/// of two,
/// and a bounded number of bytes of them is kept for the next use: an array of megabytes that is not used again is garbage which the
/// collector
/// takes away late. Thread-safe.
/// </summary>
public static class ByteArrays
{
    /// <summary>Up to this length, in bytes, an array comes from the pool of the process.</summary>
    public const int Small = 64 * 1024;

    // Lengths from here on are exact, and their arrays are never kept.
    private const int Large = 128 << 20;
    private const long MuchKept = 64 << 20;
    private const long MostKept = 256 << 20;

    private static readonly KeptArrays _kept = new(MuchKept, MostKept);

    /// <summary>The length of the array that is lent for so many bytes. Count this, not what was asked for.</summary>
    public static int LengthFor(int length)
    {
        if (length <= Small)
            return (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, 16));
        if (length >= Large)
            return length;
        var step = 1 << (BitOperations.Log2((uint)length - 1) - 2);
        return (length + step - 1) / step * step;
    }

    /// <summary>An array of at least so many bytes, with anything in it.</summary>
    public static byte[] Rent(int length)
    {
        if (length <= Small)
            return ArrayPool<byte>.Shared.Rent(length);
        var size = LengthFor(length);
        return _kept.Take(size) ?? GC.AllocateUninitializedArray<byte>(size);
    }

    /// <summary>Gives an array back that was lent here; it is not to be used any more.</summary>
    public static void Return(byte[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        if (array.Length <= Small)
            ArrayPool<byte>.Shared.Return(array);
        else if (array.Length < Large)
            _kept.Keep(array);
    }

    /// <summary>Leaves all arrays that are kept to the garbage collector.</summary>
    public static void Trim() => _kept.Clear();

    /// <summary>Bytes that were given back and are kept, since this was asked last: they are no garbage.</summary>
    public static long TakeKept() => _kept.TakeKept();
}
