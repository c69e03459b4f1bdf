using System.Text.RegularExpressions;
using CsCheck;

namespace Chasqui.Cli.Tests;

public sealed partial class WordWrapTests
{
    [Fact]
    public void A_word_that_does_not_fit_is_taken_back_and_begins_the_next_line()
    {
        Assert.Equal("The quick brown fox \njumps over the lazy \ndog.", Show(21, "The quick brown fox jumps over the lazy dog."));
        Assert.Equal("One\n\n  two\nthree four five six \nseven", Show(21, "One\n\n  two\nthree four five six seven"));
    }

    [Fact]
    public void Words_longer_than_a_line_and_wide_characters_are_broken()
    {
        Assert.Equal("aaaaaaaaaaaaaaaaaaaa\naaaaa b", Show(21, new string('a', 25) + " b"));
        Assert.Equal(new string('漢', 10) + "\n漢", Show(21, new string('漢', 11)));
    }

    /// <summary>However the text is cut into pieces, the same is seen: no line too wide, nothing lost, and no word broken that fits into a line.</summary>
    [Fact]
    public void Pieces_make_no_difference() => Gen.Select(Gen.String[Gen.OneOf(Gen.Char['a', 'c'], Gen.Const(' '), Gen.Const('\n')), 0, 200], Gen.Int[20, 40], Gen.Int[1, 9])
        .Sample((text, width, piece) =>
        {
            var whole = Show(width, text);
            Assert.Equal(whole, Show(width, text, piece));
            Assert.All(whole.Split('\n'), line => Assert.True(line.Length < width));
            Assert.Equal(Spaces().Replace(text, ""), Spaces().Replace(whole, ""));
            if (text.Split(' ', '\n').All(word => word.Length < width - 1))
                Assert.Equal(text.Split(Separators, StringSplitOptions.RemoveEmptyEntries), whole.Split(Separators, StringSplitOptions.RemoveEmptyEntries));
        });

    private static char[] Separators => [' ', '\n'];

    /// <summary>What a terminal shows in the end.</summary>
    private static string Show(int width, string text, int piece = int.MaxValue)
    {
        var wrap = new WordWrap(() => width);
        var screen = "";
        for (var i = 0; i < text.Length; i += piece)
        {
            screen += wrap.Add(text.Substring(i, Math.Min(piece, text.Length - i)));
            while (Back().Match(screen) is { Success: true } back)
                screen = screen[..(back.Index - int.Parse(back.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))] + screen[(back.Index + back.Length)..];
            if (piece == int.MaxValue)
                break;
        }
        return screen;
    }

    [GeneratedRegex("\e\\[(\\d+)D\e\\[K")]
    private static partial Regex Back();

    [GeneratedRegex("[ \n]")]
    private static partial Regex Spaces();
}
