using System.Text;
using Chasqui.Engines.LlamaCpp.Sampling;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Whatever the bytes, however they are cut, whatever the stop texts.</summary>
public sealed class TextAssemblerTests
{
    // Few letters, so that stop texts and their beginnings do occur; and characters of two, three and four bytes.
    private static readonly Gen<string> _texts = OneOf("a", "b", "ab", "é", "日", "🦊", "🐻", "\n", "aab").Array[0, 30].Select(string.Concat);

    private static readonly Gen<string[]> _stops =
        OneOf("a", "b", "ab", "aab", "abab", "é", "日a", "🦊", "🦊🐻", "🐻a", "\nb", "ba🦊", "bbbbbbbb", "a\n").Array[0, 4];

    private static readonly Gen<int[]> _cuts = Gen.Int[1, 7].Array[1, 12];

    private static Gen<T> OneOf<T>(params T[] all) => Gen.Int[0, all.Length - 1].Select(i => all[i]);

    private static (string Text, List<string> Pieces, bool Stopped) Assemble(byte[] bytes, int[] cuts, string[] stops)
    {
        var assembler = new TextAssembler(stops);
        var pieces = new List<string>();
        for (int at = 0, i = 0; at < bytes.Length; i++)
        {
            var length = Math.Min(cuts[i % cuts.Length], bytes.Length - at);
            pieces.Add(assembler.Push(bytes.AsSpan(at, length)));
            at += length;
            if (assembler.Stopped)
                break;
        }

        pieces.Add(assembler.Finish());
        Assert.Equal("", assembler.Finish());
        if (assembler.Stopped)
            Assert.Equal("", assembler.Push("more"u8));
        return (string.Concat(pieces), pieces, assembler.Stopped);
    }

    /// <summary>The text up to the stop that is complete first; of those that are complete with the same character, up to the earliest.</summary>
    private static bool IsUpToAStop(string text, string shown, string[] stops) =>
        stops.Any(s => text.AsSpan(shown.Length).StartsWith(s)) && !stops.Any(s => shown.Contains(s, StringComparison.Ordinal));

    [Fact]
    public void What_comes_out_is_the_text_up_to_the_first_stop() => Gen.Select(_texts, _cuts, _stops).Sample((text, cuts, stops) =>
    {
        var (shown, pieces, stopped) = Assemble(Encoding.UTF8.GetBytes(text), cuts, stops);
        Assert.StartsWith(shown, text, StringComparison.Ordinal);
        Assert.Equal(stops.Any(s => text.Contains(s, StringComparison.Ordinal)), stopped);
        if (stopped)
            Assert.True(IsUpToAStop(text, shown, stops), $"'{shown}' of '{text}'");
        else
            Assert.Equal(text, shown);
        Assert.All(pieces.Where(p => p.Length > 0), p => Assert.False(char.IsHighSurrogate(p[^1]) || char.IsLowSurrogate(p[0])));
    }, iter: 20_000);

    [Fact]
    public void Byte_by_byte_the_first_stop_that_is_complete_ends_the_text() => Gen.Select(_texts, _stops).Sample((text, stops) =>
    {
        var (shown, _, stopped) = Assemble(Encoding.UTF8.GetBytes(text), [1], stops);
        var runes = text.EnumerateRunes().Select(r => r.ToString()).ToArray();
        var expected = text;
        for (int i = 0, end = 0; i < runes.Length; i++)
        {
            end += runes[i].Length;
            var at = stops.Select(s => text[..end].IndexOf(s, StringComparison.Ordinal)).Where(n => n >= 0).DefaultIfEmpty(-1).Min();
            if (at < 0)
                continue;
            expected = text[..at];
            break;
        }

        Assert.Equal(expected, shown);
        Assert.Equal(expected != text || stops.Any(s => text.Contains(s, StringComparison.Ordinal)), stopped);
    }, iter: 10_000);

    [Fact]
    public void Any_bytes_give_what_a_decoder_of_the_whole_gives() => Gen.Select(Gen.Byte.Array[0, 60], _cuts).Sample((bytes, cuts) =>
    {
        var (shown, _, _) = Assemble(bytes, cuts, []);
        Assert.Equal(Encoding.UTF8.GetString(bytes), shown);
    }, iter: 20_000);

    [Fact]
    public void Of_broken_characters_stop_texts_are_found_and_nothing_else_is_held() =>
        Gen.Select(Gen.OneOf(Gen.Byte, OneOf<byte>((byte)'a', (byte)'b', 0xF0, 0x9F)).Array[0, 60], _cuts, _stops).Sample((bytes, cuts, stops) =>
        {
            var whole = Encoding.UTF8.GetString(bytes);
            var (shown, _, stopped) = Assemble(bytes, cuts, stops);
            Assert.StartsWith(shown, whole, StringComparison.Ordinal);
            Assert.Equal(stops.Any(s => whole.Contains(s, StringComparison.Ordinal)), stopped);
            if (!stopped)
                Assert.Equal(whole, shown);
        }, iter: 20_000);

    [Fact]
    public void No_more_is_held_back_than_may_be_the_beginning_of_a_stop() => Gen.Select(_texts, _stops).Sample((text, stops) =>
    {
        var assembler = new TextAssembler(stops);
        var shown = "";
        var given = "";
        foreach (var rune in text.EnumerateRunes())
        {
            shown += assembler.Push(Encoding.UTF8.GetBytes(rune.ToString()));
            given += rune.ToString();
            if (assembler.Stopped)
                return;
            var held = given[shown.Length..];
            Assert.True(held.Length == 0 || stops.Any(s => s.StartsWith(held, StringComparison.Ordinal)), $"'{held}' of '{given}'");
        }
    }, iter: 10_000);
}
