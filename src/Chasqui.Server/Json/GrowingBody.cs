using System.Buffers;
using Chasqui.Protocol;

namespace Chasqui.Server;

/// <summary>
/// The bytes of a body while it comes. One whose length was announced grows in one array. One of unknown length grows by parts of one size,
/// which are
/// used again by the next body: a body that turns out to be too large leaves no garbage. Not thread-safe.
/// </summary>
/// <param name="announced">The length that was announced, in bytes; null if none was.</param>
/// <param name="limit">The most bytes that it may have.</param>
internal sealed class GrowingBody(long? announced, long limit)
{
    private const int FirstSize = 64 * 1024;
    private const int PartSize = 1 << 20;

    private List<byte[]>? _parts;
    private byte[] _buffer = [];
    private int _filled;

    /// <summary>Bytes that have come.</summary>
    public int Length => ((_parts?.Count ?? 0) * PartSize) + _filled;

    /// <summary>Bytes of the arrays that hold it.</summary>
    public long Held => ((long)(_parts?.Count ?? 0) * PartSize) + _buffer.Length;

    /// <summary>The length of the array that holds all parts together; 0 if there is one part only.</summary>
    public int SizeOfWhole => _parts is null ? 0 : ByteArrays.LengthFor(Length);

    /// <summary>The size of the array that is needed now for what comes.</summary>
    /// <param name="bytes">Bytes that have come and are not in it.</param>
    /// <param name="isAll">Whether these are the last.</param>
    /// <returns>To be given to <see cref="Grow"/>; 0 if there is room.</returns>
    public int MoreFor(long bytes, bool isAll)
    {
        if (_filled + bytes <= _buffer.Length)
            return 0;
        if (announced is null && _buffer.Length == PartSize)
            return _filled < PartSize ? 0 : PartSize;
        var size = ByteArrays.LengthFor(SizeFor((int)(_filled + bytes), isAll));
        return announced is null ? Math.Min(PartSize, size) : size;
    }

    /// <summary>Makes room. A part that is full stays as it is; else what has come is copied.</summary>
    public void Grow(int size)
    {
        var array = ByteArrays.Rent(size);
        if (announced is null && _buffer.Length == PartSize)
        {
            (_parts ??= []).Add(_buffer);
            _filled = 0;
        }
        else
        {
            _buffer.AsSpan(0, _filled).CopyTo(array);
            Return(_buffer);
        }
        _buffer = array;
    }

    /// <summary>Copies as much as there is room for.</summary>
    /// <returns>Bytes that were copied.</returns>
    public int Fill(in ReadOnlySequence<byte> bytes)
    {
        var count = (int)Math.Min(bytes.Length, _buffer.Length - _filled);
        bytes.Slice(0, count).CopyTo(_buffer.AsSpan(_filled));
        _filled += count;
        return count;
    }

    /// <summary>Puts all parts into one array.</summary>
    public void Join()
    {
        var length = Length;
        var whole = ByteArrays.Rent(length);
        var at = 0;
        foreach (var part in _parts!)
        {
            part.CopyTo(whole.AsSpan(at));
            at += PartSize;
        }
        _buffer.AsSpan(0, _filled).CopyTo(whole.AsSpan(at));
        Return();
        (_buffer, _filled) = (whole, length);
    }

    /// <summary>The array, which is the caller's from now on.</summary>
    public byte[] Take() => _buffer;

    /// <summary>Gives all arrays back.</summary>
    public void Return()
    {
        foreach (var part in _parts ?? [])
            ByteArrays.Return(part);
        Return(_buffer);
        (_parts, _buffer, _filled) = (null, [], 0);
    }

    private static void Return(byte[] array)
    {
        if (array.Length > 0)
            ByteArrays.Return(array);
    }

    /// <summary>
    /// Exactly what there is where that is all. Else at most four times as much, and no more than was announced, so that what is held
    /// follows what was sent.
    /// </summary>
    private int SizeFor(int needed, bool isAll)
    {
        if (isAll)
            return needed;
        var most = announced is { } length && length >= needed ? length : limit;
        var factor = announced is null ? 2L : 4L;
        return (int)Math.Max(needed, Math.Min(most, Math.Max(FirstSize, factor * needed)));
    }
}
