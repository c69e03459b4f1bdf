using System.Collections;

namespace Chasqui.Protocol.Headers;

/// <summary>The fields of a request or of an answer, in order. Not thread-safe.</summary>
public sealed class HeaderList : IReadOnlyList<HeaderField>
{
    private HeaderField[] _fields = [];
    private int _count;

    /// <summary>Fields.</summary>
    public int Count => _count;

    /// <inheritdoc/>
    public HeaderField this[int index] => index < _count ? _fields[index] : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>The value of the first field of that name; null when there is none.</summary>
    public string? this[string name]
    {
        get
        {
            foreach (var field in AsSpan())
            {
                if (ReferenceEquals(field.Name, name) || field.Name == name)
                    return field.Value;
            }

            return null;
        }
    }

    /// <summary>Adds a field.</summary>
    /// <returns>This list, so that calls can follow each other.</returns>
    public HeaderList Add(string name, string value, bool sensitive = false)
    {
        if (_count == _fields.Length)
            Array.Resize(ref _fields, Math.Max(4, _count * 2));
        _fields[_count++] = new HeaderField(name, value, sensitive);
        return this;
    }

    /// <summary>Takes all fields out.</summary>
    public void Clear()
    {
        Array.Clear(_fields, 0, _count);
        _count = 0;
    }

    /// <summary>The fields as they are now.</summary>
    public ReadOnlySpan<HeaderField> AsSpan() => _fields.AsSpan(0, _count);

    /// <inheritdoc/>
    public IEnumerator<HeaderField> GetEnumerator() => _fields.Take(_count).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
