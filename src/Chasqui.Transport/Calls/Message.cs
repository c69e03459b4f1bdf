using System.Buffers;

namespace Chasqui.Transport;

/// <summary>One whole message that has arrived. Its credit went back to the peer when it was taken; disposing it returns the buffer.</summary>
public readonly struct Message : IDisposable
{
    private readonly MessageBuffer? _buffer;

    internal Message(MessageBuffer buffer) => _buffer = buffer;

    /// <summary>The bytes, valid until the message is disposed.</summary>
    public ReadOnlyMemory<byte> Body => _buffer?.Memory ?? default;

    /// <summary>Returns the buffer. May be called more than once; not by two threads at a time with <see cref="Body"/> in use.</summary>
    public void Dispose() => _buffer?.Free();
}

/// <summary>The bytes of a message and what it cost; a link of its stream's queue.</summary>
internal sealed class MessageBuffer
{
    // Below this a new array is as cheap as one that is rented, and nothing can go wrong with it.
    private const int Pooled = 1_024;

    private byte[]? _array;
    private int _length;

    internal MessageBuffer? Next { get; set; }

    /// <summary>What is to be returned to the stream's window when the application takes the message.</summary>
    internal int Cost { get; set; }

    /// <summary>What of it is to be returned to the connection's window too.</summary>
    internal int Held { get; set; }

    internal int Length => _length;

    internal ReadOnlyMemory<byte> Memory => _array.AsMemory(0, _array is null ? 0 : _length);

    internal static MessageBuffer Of(ReadOnlySpan<byte> bytes, int cost, int held)
    {
        var buffer = new MessageBuffer { Cost = cost, Held = held, _length = bytes.Length };
        if (bytes.Length > 0)
        {
            buffer._array = bytes.Length <= Pooled ? GC.AllocateUninitializedArray<byte>(bytes.Length) : ArrayPool<byte>.Shared.Rent(bytes.Length);
            bytes.CopyTo(buffer._array);
        }

        return buffer;
    }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        var needed = _length + bytes.Length;
        if (_array is null || needed > _array.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(2 * Pooled, (int)Math.Min(2L * _length, Array.MaxLength))));
            _array.AsSpan(0, _array is null ? 0 : _length).CopyTo(larger);
            if (_array is { Length: > Pooled } old)
                ArrayPool<byte>.Shared.Return(old);
            _array = larger;
        }

        bytes.CopyTo(_array.AsSpan(_length));
        _length = needed;
    }

    internal void Free()
    {
        if (Interlocked.Exchange(ref _array, null) is { Length: > Pooled } array)
            ArrayPool<byte>.Shared.Return(array);
    }
}
