using System.Buffers;

namespace Chasqui.Server;

/// <summary>Bytes that grow up to a bound, in a buffer of the pool. Not thread-safe; to be disposed.</summary>
/// <param name="max">The bound.</param>
internal sealed class PooledBytes(int max) : IDisposable
{
    private const int First = 4 << 10;

    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(First);

    public int Length { get; private set; }

    /// <summary>Whether they are gone: disposed of, or too many.</summary>
    public bool IsGone => _bytes is null;

    /// <summary>What there is.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    /// <returns>False where that would be too many; then nothing is added.</returns>
    public bool TryAdd(ReadOnlySpan<byte> more)
    {
        var needed = Length + more.Length;
        if (_bytes is null || needed > max)
            return false;
        if (needed > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _bytes.Length * 2));
            Span.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        more.CopyTo(_bytes.AsSpan(Length));
        Length = needed;
        return true;
    }

    /// <summary>Forgets all behind a place.</summary>
    public void Cut(int length) => Length = length;

    public void Dispose()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, Length) = (null, 0);
    }
}
