using System.Globalization;

namespace Chasqui.Engines.Models;

/// <summary>The numbering of a model in several files, <c>STEM-00001-of-00003</c>, as llama.cpp's <c>gguf-split</c> writes it.</summary>
internal readonly record struct SplitName(string Stem, int Number, int Count)
{
    // "-00001-of-00003"
    private const int SuffixLength = 15;

    // The number comes from a file name, and every part is looked for.
    private const int MaxParts = 1000;

    /// <summary>Reads a file name without its extension; false when it is not one of several.</summary>
    public static bool TryParse(string stem, out SplitName split)
    {
        split = default;
        if (stem.Length <= SuffixLength)
            return false;
        var suffix = stem.AsSpan(stem.Length - SuffixLength);
        if (suffix[0] != '-' || !suffix[6..10].SequenceEqual("-of-")
            || !int.TryParse(suffix[1..6], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || !int.TryParse(suffix[10..], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || number < 1 || count < number || count > MaxParts)
        {
            return false;
        }
        split = new SplitName(stem[..^SuffixLength], number, count);
        return true;
    }

    /// <summary>The file name of another part, with the extension.</summary>
    public string FileOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{Stem}-{number:00000}-of-{Count:00000}.gguf");
}
