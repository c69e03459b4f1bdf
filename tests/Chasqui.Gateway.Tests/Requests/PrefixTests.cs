using System.Text;
using System.Text.Json.Nodes;
using Chasqui.Gateway.Requests;
using CsCheck;

namespace Chasqui.Gateway.Tests.Requests;

public sealed class PrefixTests
{
    private static readonly string _long = string.Concat(Enumerable.Range(0, 400).Select(i => $"word {i} "));

    [Fact]
    public void Requests_with_the_same_beginning_have_the_same_first_hashes()
    {
        var first = Hashes(Dialects.Ollama, Chat([_long, "one"]));
        var second = Hashes(Dialects.Ollama, Chat([_long, "one", _long + "two"]));
        var other = Hashes(Dialects.Ollama, Chat(["!" + _long, "one"]));

        Assert.Equal(_long.Length / PrefixHasher.BlockBytes, first.Length);
        Assert.Equal(first, second[..first.Length]);
        Assert.True(second.Length > first.Length);
        Assert.NotEqual(first[0], other[0]);
        Assert.Empty(first.Intersect(other));
    }

    [Fact]
    public void A_difference_changes_every_hash_from_its_block_on() => Gen.Int[0, _long.Length - 1].Sample(at =>
    {
        var changed = _long[..at] + '#' + _long[(at + 1)..];
        var a = Hashes(Dialects.Ollama, Chat([_long]));
        var b = Hashes(Dialects.Ollama, Chat([changed]));
        // Marks before the text: those of the message, the role, the role itself.
        var block = (at + 3 + "user".Length) / PrefixHasher.BlockBytes;
        for (var i = 0; i < a.Length; i++)
            Assert.Equal(i < block, a[i] == b[i]);
    });

    [Fact]
    public void Options_order_spaces_and_escapes_make_no_difference()
    {
        var text = _long + "ä\"\n😀";
        var plain = Hashes(Dialects.Anthropic, $$"""{"tools":[{"name":"t"}],"system":{{Quote(text)}},"messages":[{"role":"user","content":{{Quote(text)}} }]}""");
        var other = Hashes(Dialects.Anthropic,
            $$"""{ "model":"x", "messages": [ {"role" : "us\u0065r", "content":{{Escape(text)}} } ], "temperature": 1, "tools":[{"name":"t"}], "system": {{Escape(text)}} }""");

        Assert.Equal(plain, other);
    }

    [Fact]
    public void Parts_and_marks_of_caches_make_no_difference_to_the_text()
    {
        var text = Quote(_long);
        Assert.Equal(
            Hashes(Dialects.Anthropic, $$"""{"messages":[{"role":"user","content":{{text}} }]}"""),
            Hashes(Dialects.Anthropic, $$"""{"messages":[{"role":"user","content":[{"type":"text","text":{{text}},"cache_control":{"type":"ephemeral"} }]}]}"""));
    }

    [Fact]
    public void A_prompt_begins_like_a_chat_with_it() => Assert.Equal(
        Hashes(Dialects.Ollama, Chat([_long])), Hashes(Dialects.Ollama, $$"""{"prompt":{{Quote(_long)}} }"""));

    [Fact]
    public void Where_one_text_ends_and_the_next_begins_matters() => Assert.NotEqual(
        Hashes(Dialects.Ollama, Chat(["ab", "c" + _long])), Hashes(Dialects.Ollama, Chat(["a", "bc" + _long])));

    [Fact]
    public void Of_equal_members_the_last_counts() => Assert.Equal(
        Hashes(Dialects.Ollama, Chat([_long])), Hashes(Dialects.Ollama, $$"""{"messages":[{"role":"user","content":"{{new string('z', 9000)}}"}],{{Chat([_long])[1..]}}"""));

    [Fact]
    public void There_are_never_more_than_256_hashes()
    {
        var hashes = Hashes(Dialects.OpenAi, Chat([new string('x', 1 << 20)]));
        Assert.Equal(PrefixHasher.MaxBlocks, hashes.Length);
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Fact]
    public void However_a_text_is_cut_its_hashes_are_the_same() => Gen.Select(Gen.Byte.Array[0, 3000], Gen.Int[0, 700].List[0, 20]).Sample((bytes, cuts) =>
    {
        var whole = new PrefixHasher();
        whole.Add(bytes);
        var parts = new PrefixHasher();
        var rest = bytes.AsSpan();
        foreach (var cut in cuts)
        {
            var length = Math.Min(cut, rest.Length);
            parts.Add(rest[..length]);
            rest = rest[length..];
        }
        parts.Add(rest);
        Assert.Equal(whole.Hashes, parts.Hashes);
        Assert.Equal(bytes.Length / PrefixHasher.BlockBytes, whole.Hashes.Length);
    });

    private static ulong[] Hashes(Dialects dialect, string json)
    {
        using var scan = RequestScanTests.Read(dialect, json);
        return scan.Prefixes.ToArray();
    }

    private static string Chat(string[] texts) =>
        $$"""{"messages":[{{string.Join(",", texts.Select((text, i) => $$"""{"role":"{{(i % 2 == 0 ? "user" : "assistant")}}","content":{{Quote(text)}} }"""))}}]}""";

    private static string Quote(string text) => JsonValue.Create(text).ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static string Escape(string text)
    {
        var escaped = new StringBuilder("\"");
        foreach (var unit in text)
            escaped.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
        return escaped.Append('"').ToString();
    }
}
