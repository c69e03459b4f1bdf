using CsCheck;

namespace Chasqui.Gateway.Tests.Catalogue;

public sealed class ModelNamesTests
{
    [Theory]
    [InlineData("llama3", "llama3:latest")]
    [InlineData("llama3:70b", "llama3:70b")]
    [InlineData("registry.ollama.ai/library/llama3", "llama3:latest")]
    [InlineData("Registry.Ollama.AI/Library/Llama3:70B", "Llama3:70B")]
    [InlineData("https://registry.ollama.ai/library/llama3:8b", "llama3:8b")]
    [InlineData("library/llama3", "llama3:latest")]
    [InlineData("library/other/llama3", "library/other/llama3:latest")]
    [InlineData("registry.ollama.ai/jane/llama3", "jane/llama3:latest")]
    [InlineData("hf.co/bartowski/Llama-3.2-1B-GGUF:Q4_K_M", "hf.co/bartowski/Llama-3.2-1B-GGUF:Q4_K_M")]
    [InlineData("localhost:5000/jane/llama3", "localhost:5000/jane/llama3:latest")]
    [InlineData("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B:latest")]
    [InlineData("registry.ollama.ai", "registry.ollama.ai:latest")]
    [InlineData("registry.ollama.ai/registry.ollama.ai/library/llama3", "registry.ollama.ai/registry.ollama.ai/library/llama3:latest")]
    [InlineData("library/library", "library:latest")]
    [InlineData("HTTP://Llama3", "Llama3:latest")]
    [InlineData("/models/llama3.gguf", "/models/llama3.gguf:latest")]
    [InlineData("x://mini://registry.ollama.ai/library/secret", "x://mini://registry.ollama.ai/library/secret")]
    [InlineData("library/", "library/")]
    [InlineData("", "")]
    public void A_name_has_one_canonical_form(string name, string canonical)
    {
        Assert.Equal(canonical, ModelNames.Canonical(name));
        // And that form is its own.
        Assert.Same(canonical, ModelNames.Canonical(canonical));
    }

    /// <summary>Else two readers, each of which makes the name canonical, could mean two models.</summary>
    [Fact]
    public void The_canonical_form_of_a_canonical_form_is_itself() => Names.Sample(name =>
    {
        var canonical = ModelNames.Canonical(name);
        Assert.Equal(canonical, ModelNames.Canonical(canonical));
        Assert.Equal(ModelNames.IsWellFormed(name), ModelNames.IsWellFormed(canonical));
    });

    [Fact]
    public void Names_of_one_spelling_are_one_model() => Gen.Select(Names, Names).Sample((a, b) =>
    {
        if (ModelNames.SameSpelling(a, b) && ModelNames.IsWellFormed(a) && ModelNames.IsWellFormed(b))
            Assert.True(ModelNames.Same(a, b));
    });

    [Theory]
    [InlineData("mini", true, true)]
    [InlineData("meta-llama/Llama-3.1-8B", true, true)]
    [InlineData("https://hf.co/jane/mini:Q4_K_M", true, true)]
    [InlineData("/models/mini.gguf", true, false)]
    [InlineData("minü", true, false)]
    [InlineData("", false, false)]
    [InlineData("a b", false, false)]
    [InlineData("mini\n", false, false)]
    [InlineData("mini\\x", false, false)]
    [InlineData("a//b", false, false)]
    [InlineData("a/../b", false, false)]
    [InlineData("./mini", false, false)]
    [InlineData("mini/", false, false)]
    [InlineData("mini:", false, false)]
    [InlineData(":mini", false, false)]
    [InlineData("ftp://mini", false, false)]
    [InlineData("x://mini://registry.ollama.ai/library/secret", false, false)]
    public void What_can_be_read_in_two_ways_is_no_name(string name, bool isWellFormed, bool isPlausible) =>
        Assert.Equal((isWellFormed, isPlausible), (ModelNames.IsWellFormed(name), ModelNames.IsPlausible(name)));

    private static readonly string[] _parts =
    [
        "http://", "HTTPS://", "x://", "registry.ollama.ai/", "Registry.Ollama.ai", "library/", "library", "mini", "a", "/", ":", ":latest", ":Q4", "..", ".", "-", "@", " ", "ü",
    ];

    private static Gen<string> Names => Gen.Int[0, _parts.Length - 1].Array[0, 7].Select(parts => string.Concat(parts.Select(part => _parts[part])));

    [Fact]
    public void Case_and_what_goes_without_saying_make_no_difference()
    {
        Assert.True(ModelNames.Same("LLAMA3", "registry.ollama.ai/library/llama3:Latest"));
        Assert.False(ModelNames.Same("llama3", "llama3:70b"));
    }
}
