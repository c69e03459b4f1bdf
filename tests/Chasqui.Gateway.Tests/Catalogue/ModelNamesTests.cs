using Chasqui.Gateway.Catalogue;

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
    [InlineData("", "")]
    public void A_name_has_one_canonical_form(string name, string canonical)
    {
        Assert.Equal(canonical, ModelNames.Canonical(name));
        // And that form is its own.
        Assert.Same(canonical, ModelNames.Canonical(canonical));
    }

    [Fact]
    public void Case_and_what_goes_without_saying_make_no_difference()
    {
        Assert.True(ModelNames.Same("LLAMA3", "registry.ollama.ai/library/llama3:Latest"));
        Assert.False(ModelNames.Same("llama3", "llama3:70b"));
    }
}
