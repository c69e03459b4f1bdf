namespace Chasqui.Protocol;

/// <summary>Arrays that wait for their next use, by length. Thread-safe.</summary>
/// <param name="much">Bytes beyond which what is kept gives way to arrays of other lengths.</param>
/// <param name="most">Bytes that are kept at most; what would be more is left to the garbage collector.</param>
internal sealed class KeptArrays(long much, long most)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Stack<byte[]>> _byLength = [];
    private long _bytes;
    private long _kept;

    /// <summary>An array of exactly this length; null if there is none.</summary>
    public byte[]? Take(int length)
    {
        lock (_gate)
        {
            if (_byLength.TryGetValue(length, out var arrays) && arrays.TryPop(out var array))
            {
                _bytes -= length;
                return array;
            }
            MakeRoom(length);
            return null;
        }
    }

    /// <summary>Keeps an array if there is room.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Keep(byte[] array)
    {
        lock (_gate)
        {
            if (_bytes + array.Length > most)
                return false;
            _bytes += array.Length;
            _kept += array.Length;
            if (!_byLength.TryGetValue(array.Length, out var arrays))
                _byLength.Add(array.Length, arrays = []);
            arrays.Push(array);
            return true;
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _byLength.Clear();
            _bytes = 0;
        }
    }

    /// <summary>Where much is kept, what is allocated anew takes its place.</summary>
    private void MakeRoom(long bytes)
    {
        if (_bytes <= much)
            return;
        foreach (var (length, arrays) in _byLength)
        {
            while (bytes > 0 && arrays.TryPop(out _))
            {
                bytes -= length;
                _bytes -= length;
            }
            if (bytes <= 0)
                return;
        }
    }

    /// <summary>Bytes that were kept since this was asked last.</summary>
    public long TakeKept() => Interlocked.Exchange(ref _kept, 0);
}
