using Chasqui.Protocol;

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

    // Of the objects around the bytes, about.
    private const int Overhead = 96;

    private byte[]? _array;
    private IMessageBudget? _budget;
    private int _length;
    private int _charged;

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
            buffer._array = bytes.Length <= Pooled ? GC.AllocateUninitializedArray<byte>(bytes.Length) : ByteArrays.Rent(bytes.Length);
            bytes.CopyTo(buffer._array);
        }

        return buffer;
    }

    /// <summary>Adds a part.</summary>
    /// <param name="bytes">The part.</param>
    /// <param name="budget">Bounds what is held; null for none.</param>
    /// <param name="most">The most bytes of a message.</param>
    /// <returns>Whether there was room in the budget. If not, the part is held all the same, with no room for more.</returns>
    internal bool Append(ReadOnlySpan<byte> bytes, IMessageBudget? budget, int most)
    {
        var needed = _length + bytes.Length;
        var fits = true;
        if (_array is null || needed > _array.Length)
        {
            var size = ByteArrays.LengthFor(Math.Max(Math.Max(needed, _charged), Math.Max(2 * Pooled, (int)Math.Min(2L * _length, most))));
            if (budget is not null && !(fits = budget.TryTake(size - _charged)))
            {
                size = ByteArrays.LengthFor(Math.Max(needed, _charged));
                budget.Take(size - _charged);
            }

            Grow(size);
            if (budget is not null)
                (_budget, _charged) = (budget, size);
        }

        bytes.CopyTo(_array.AsSpan(_length));
        _length = needed;
        return fits;
    }

    /// <summary>Makes room for as much again, if the budget has it.</summary>
    internal bool TryReserve(IMessageBudget budget, int most)
    {
        var size = ByteArrays.LengthFor((int)Math.Min(2L * _length, most));
        if (size <= _charged)
            return true;
        if (!budget.TryTake(size - _charged))
            return false;
        Grow(size);
        (_budget, _charged) = (budget, size);
        return true;
    }

    /// <summary>Counts what it holds, whether there is room for it or not: credit bounds it.</summary>
    internal void Charge(IMessageBudget budget)
    {
        if (_charged != 0)
            return;
        (_budget, _charged) = (budget, Overhead + (_array?.Length ?? 0));
        budget.Take(_charged);
    }

    internal void Free()
    {
        if (Interlocked.Exchange(ref _array, null) is { Length: > Pooled } array)
            ByteArrays.Return(array);
        if (Interlocked.Exchange(ref _budget, null) is { } budget)
            budget.Return(_charged);
    }

    private void Grow(int size)
    {
        var larger = ByteArrays.Rent(size);
        _array.AsSpan(0, _array is null ? 0 : _length).CopyTo(larger);
        if (_array is { Length: > Pooled } old)
            ByteArrays.Return(old);
        _array = larger;
    }
}
