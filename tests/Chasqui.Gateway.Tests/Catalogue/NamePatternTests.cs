using System.Text.RegularExpressions;
using Chasqui.Gateway.Catalogue;
using CsCheck;

namespace Chasqui.Gateway.Tests.Catalogue;

public sealed class NamePatternTests
{
    [Theory]
    [InlineData("llama3", "llama3", true)]
    [InlineData("llama3", "LLAMA3:latest", true)]
    [InlineData("llama3", "llama3:70b", false)]
    [InlineData("llama3", "llama3.3", false)]
    [InlineData("library/llama3", "llama3", true)]
    [InlineData("llama3*", "llama3", true)]
    [InlineData("llama3*", "llama3:70b", true)]
    [InlineData("llama3*", "llama3.3:70b", true)]
    [InlineData("llama3*", "jane/llama3", false)]
    [InlineData("registry.ollama.ai/library/llama3*", "llama3:70b", true)]
    [InlineData("registry.ollama.ai/library/llama3*", "jane/llama3:70b", false)]
    [InlineData("llama3:*", "llama3.3:70b", false)]
    [InlineData("llama3:*", "llama3:70b", true)]
    [InlineData("*:70b", "llama3:70b", true)]
    [InlineData("*:70b", "llama3", false)]
    [InlineData("*-test", "mini-test", true)]
    [InlineData("*-test", "mini-test:q4", true)]
    [InlineData("*-test", "mini:q4-test", true)]
    [InlineData("*-test", "mini-tested", false)]
    [InlineData("*", "anything/at:all", true)]
    [InlineData("jane/*", "jane/llama3", true)]
    [InlineData("library/*", "llama3", true)]
    [InlineData("library/*", "registry.ollama.ai/library/llama3", true)]
    [InlineData("library/*", "jane/llama3", false)]
    [InlineData("library/*", "hf.co/jane/llama3", false)]
    [InlineData("Library/l*:70b", "llama3:70b", true)]
    [InlineData("library/l*:70b", "llama3:8b", false)]
    [InlineData("registry.ollama.ai/*", "llama3", true)]
    [InlineData("registry.ollama.ai/*", "jane/llama3", true)]
    [InlineData("registry.ollama.ai/*", "hf.co/jane/llama3", false)]
    [InlineData("registry.ollama.ai/jane/*", "jane/llama3", true)]
    [InlineData("registry.ollama.ai/jane/*", "llama3", false)]
    [InlineData("https://registry.ollama.ai/library/*", "llama3", true)]
    [InlineData("https://*", "llama3", true)]
    [InlineData("mini*", "x://mini://registry.ollama.ai/library/secret", false)]
    [InlineData("*", "x://mini://registry.ollama.ai/library/secret", false)]
    [InlineData("", "llama3", false)]
    public void A_pattern_matches(string pattern, string name, bool matches) => Assert.Equal(matches, new NamePattern(pattern).Matches(name));

    [Fact]
    public void Stars_stand_for_any_text() => Gen.Select(Gen.String[Gen.Char["abB*:"], 1, 8], Gen.String[Gen.Char["abB"], 1, 10])
        .Where((pattern, _) => pattern.Contains('*', StringComparison.Ordinal))
        .Sample((pattern, name) =>
        {
            var full = name + ":b";
            var regex = new Regex("^" + Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal) + "$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
            var tagged = pattern.Contains(':', StringComparison.Ordinal);
            Assert.Equal(regex.IsMatch(full) || (!tagged && regex.IsMatch(name)), new NamePattern(pattern).Matches(full));
        });

    [Fact]
    public void What_is_denied_is_so_whatever_is_allowed()
    {
        var filter = new NameFilter(["llama*", "mini"], ["*-test"]);

        Assert.True(filter.Allows("llama3:70b"));
        Assert.True(filter.Allows("mini"));
        Assert.False(filter.Allows("mini:q4"));
        Assert.False(filter.Allows("llama-test"));
        Assert.False(filter.Allows("qwen3"));
        Assert.True(new NameFilter([], []).Allows("qwen3"));
        Assert.False(new NameFilter([], ["*"]).Allows("qwen3"));
    }
}
