using System.Buffers;
using System.Numerics;

namespace Chasqui.Protocol;

/// <summary>
/// Lends arrays for bytes of any size, and keeps little of them: small ones are those of all the process, of middle ones a few of each size are kept, and large ones belong to
/// the garbage collector. The shared pool would keep large ones for minutes, up to 32 of each size and processor. Thread-safe.
/// </summary>
public static class ByteArrays
{
    /// <summary>Up to this length an array comes from the shared pool.</summary>
    public const int Small = 64 * 1024;

    /// <summary>Beyond this length none is kept.</summary>
    public const int Middle = 1024 * 1024;

    private const int MiddleKept = 8;

    private static readonly ArrayPool<byte> _middle = ArrayPool<byte>.Create(Middle, MiddleKept);

    /// <summary>How long an array is that is lent for so many bytes: what is counted is what it takes.</summary>
    public static int LengthFor(int length) => length <= Middle ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, 16)) : length;

    /// <summary>An array of at least so many bytes, with anything in it.</summary>
    public static byte[] Rent(int length) => length <= Small ? ArrayPool<byte>.Shared.Rent(length)
        : length <= Middle ? _middle.Rent(length)
        : GC.AllocateUninitializedArray<byte>(length);

    /// <summary>Gives an array back that was lent here; it is not to be used any more.</summary>
    public static void Return(byte[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        if (array.Length <= Small)
            ArrayPool<byte>.Shared.Return(array);
        else if (array.Length <= Middle)
            _middle.Return(array);
    }
}
