using System.Text;

namespace Chasqui.Gateway.Requests;

/// <summary>Texts for the names of models, which come again and again. Bounded; thread-safe, since a slot is only ever replaced as a whole.</summary>
internal static class NameCache
{
    private const int Slots = 1024;
    private const int Longest = 256;

    private static readonly Entry?[] _slots = new Entry?[Slots];

    /// <summary>The text of UTF-8, the same object for the same bytes where it was asked for lately.</summary>
    public static string Get(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > Longest)
            return Encoding.UTF8.GetString(utf8);
        ref var slot = ref _slots[PrefixHasher.Hash(0, utf8) % Slots];
        if (slot is { } entry && utf8.SequenceEqual(entry.Utf8))
            return entry.Text;
        var text = Encoding.UTF8.GetString(utf8);
        slot = new Entry(utf8.ToArray(), text);
        return text;
    }

    private sealed record Entry(byte[] Utf8, string Text);
}
