using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Chasqui.Gateway.Requests;

/// <summary>
/// Hashes a text block by block, each hash made from the block and the hash before it, so that texts with the same beginning have the same first
/// hashes. What does not fill a block has none. For one user at a time.
/// </summary>
internal sealed class PrefixHasher
{
    /// <summary>Bytes of UTF-8 in a block.</summary>
    public const int BlockBytes = 512;

    /// <summary>Later blocks have no hash: 128 KiB of the same beginning are reason enough.</summary>
    public const int MaxBlocks = 256;

    // Of this process alone, so that hashes cannot be computed elsewhere to make prompts that collide.
    private static readonly ulong _seed = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private readonly byte[] _block = new byte[BlockBytes];
    private readonly ulong[] _hashes = new ulong[MaxBlocks];
    private int _filled;
    private int _count;
    private ulong _last = _seed;

    /// <summary>The hashes so far.</summary>
    public ReadOnlySpan<ulong> Hashes => _hashes.AsSpan(0, _count);

    /// <summary>Begins anew.</summary>
    public void Reset()
    {
        _filled = 0;
        _count = 0;
        _last = _seed;
    }

    /// <summary>Goes on with text.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_count == MaxBlocks)
            return;
        if (_filled > 0)
        {
            var more = Math.Min(BlockBytes - _filled, text.Length);
            text[..more].CopyTo(_block.AsSpan(_filled));
            _filled += more;
            text = text[more..];
            if (_filled < BlockBytes)
                return;
            _filled = 0;
            End(_block);
        }
        while (text.Length >= BlockBytes && _count < MaxBlocks)
        {
            End(text[..BlockBytes]);
            text = text[BlockBytes..];
        }
        if (_count == MaxBlocks)
            return;
        text.CopyTo(_block);
        _filled = text.Length;
    }

    /// <summary>Goes on with one byte.</summary>
    public void Add(byte value) => Add([value]);

    /// <summary>A hash of any bytes. Folds 128-bit products, as the wyhash family does; good for tables. With a seed that is known it is no protection against collisions made on purpose.</summary>
    public static ulong Hash(ulong seed, ReadOnlySpan<byte> bytes)
    {
        const ulong A = 0x9E3779B97F4A7C15, B = 0xD1B54A32D192ED03, C = 0x8CB92BA72F3D8DD7;
        var state = seed ^ Fold(seed ^ A, (ulong)bytes.Length ^ B);
        while (bytes.Length >= 16)
        {
            state = Fold(BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ B, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) ^ state);
            bytes = bytes[16..];
        }
        Span<byte> tail = stackalloc byte[16];
        tail.Clear();
        bytes.CopyTo(tail);
        state = Fold(BinaryPrimitives.ReadUInt64LittleEndian(tail) ^ C, BinaryPrimitives.ReadUInt64LittleEndian(tail[8..]) ^ state);
        return Fold(state ^ A, B);
    }

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }

    private void End(ReadOnlySpan<byte> block) => _hashes[_count++] = _last = Hash(_last, block);
}
