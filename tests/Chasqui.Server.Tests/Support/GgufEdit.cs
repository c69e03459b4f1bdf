using System.Buffers.Binary;
using System.Text;

namespace Chasqui.Server.Tests;

/// <summary>Adds metadata to a GGUF file without moving its tensors out of alignment.</summary>
internal static class GgufEdit
{
    private const int HeaderBytes = 24;
    private const int Alignment = 32;
    private const int UInt32Type = 4;
    private const int StringType = 8;

    /// <summary>A copy with one more number in its metadata.</summary>
    public static byte[] WithNumber(byte[] gguf, string key, uint value)
    {
        var added = new List<byte>();
        Text(added, key);
        Number(added, UInt32Type);
        Number(added, value);

        // A text pads the addition to a multiple of the alignment, so that the tensors move by whole steps.
        const string Padding = "test.padding";
        var fixedPart = added.Count + 8 + Padding.Length + 4 + 8;
        Text(added, Padding);
        Number(added, StringType);
        Text(added, new string('.', (Alignment - (fixedPart % Alignment)) % Alignment));

        byte[] edited = [.. gguf.AsSpan(0, HeaderBytes), .. added, .. gguf.AsSpan(HeaderBytes)];
        var count = BinaryPrimitives.ReadUInt64LittleEndian(gguf.AsSpan(16));
        BinaryPrimitives.WriteUInt64LittleEndian(edited.AsSpan(16), count + 2);
        return edited;
    }

    private static void Text(List<byte> to, string text)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        to.AddRange(length);
        to.AddRange(Encoding.ASCII.GetBytes(text));
    }

    private static void Number(List<byte> to, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        to.AddRange(bytes);
    }
}
