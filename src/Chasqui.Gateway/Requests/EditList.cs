using System.Buffers;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway.Requests;

/// <summary>Changes to a body, in the order of its bytes.</summary>
internal struct EditList
{
    private static readonly byte[] _nothing = [];

    private List<(int Start, int End, byte[] Text)>? _edits;
    private List<OptionChange>? _changes;
    private int _end;

    /// <summary>Puts another value in the place of a member's.</summary>
    public void Replace(in Place place, byte[] value) => Add(place.ValueStart, place.ValueEnd, value);

    /// <summary>Puts something between two bytes.</summary>
    public void Insert(int at, byte[] text) => Add(at, at, text);

    /// <summary>Takes a member out, with the one comma that parts it from what is left.</summary>
    public void Remove(ReadOnlySpan<byte> body, in Place place)
    {
        var before = body[..Trimmed(body, place.Start)];
        // A comma that went with the member before is there no more: then nothing is left before this one.
        if (before[^1] == (byte)',' && before.Length > _end)
        {
            Add(before.Length - 1, place.ValueEnd, _nothing);
            return;
        }
        var after = body[place.ValueEnd..];
        var space = after.IndexOfAnyExcept(" \t\r\n"u8);
        Add(place.Start, after[space] == (byte)',' ? place.ValueEnd + space + 1 : place.ValueEnd, _nothing);

        static int Trimmed(ReadOnlySpan<byte> body, int start) => body[..start].TrimEnd(" \t\r\n"u8).Length;
    }

    /// <summary>Notes what becomes of an option; the last word on each counts.</summary>
    public void Tell(OptionChange change)
    {
        _changes ??= [];
        _changes.RemoveAll(other => other.Option == change.Option);
        _changes.Add(change);
    }

    /// <summary>Makes the new body.</summary>
    public readonly RewrittenBody Apply(ReadOnlyMemory<byte> body)
    {
        if (_edits is null)
            return new RewrittenBody(body, null, OptionChange.None);
        var length = body.Length;
        foreach (var (start, end, text) in _edits)
            length += text.Length - (end - start);

        var rented = length <= RewrittenBody.Pooled ? ArrayPool<byte>.Shared.Rent(length) : GC.AllocateUninitializedArray<byte>(length);
        var target = rented.AsSpan(0, length);
        var source = body.Span;
        var from = 0;
        foreach (var (start, end, text) in _edits)
        {
            source[from..start].CopyTo(target);
            target = target[(start - from)..];
            text.CopyTo(target);
            target = target[text.Length..];
            from = end;
        }
        source[from..].CopyTo(target);
        return new RewrittenBody(rented.AsMemory(0, length), rented, _changes ?? OptionChange.None);
    }

    private void Add(int start, int end, byte[] text)
    {
        (_edits ??= []).Add((start, end, text));
        _end = end;
    }
}
