using Chasqui.Engines.Models;

namespace Chasqui.Engines.Tests.Models;

public sealed class ModelCapabilitiesTests
{
    [Theory]
    [InlineData("{{ .Prompt }}", "completion")]
    [InlineData("{{ if .Suffix }}{{ .Prompt }}{{ .Suffix }}{{ end }}", "completion insert")]
    [InlineData("{{- range .Messages }}{{ if and (eq .Role \"user\") $.Tools }}{{ $.Tools }}{{ end }}{{ end }}", "completion tools")]
    [InlineData("{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ end }}", "completion thinking")]
    [InlineData("{{ .Tools }}{{ .Suffix }}\n{{- if\n.Thinking }}{{ end }}", "completion tools insert thinking")]
    [InlineData("Use .Tools and .Suffix with .Thinking {{ .ToolsCount }}", "completion")]
    public void A_Go_template_tells(string template, string expected) =>
        Assert.Equal(expected.Split(' '), ModelCapabilities.Of(File(GgufWriter.Llama()), template, isGo: true, [], hasProjector: false));

    [Theory]
    [InlineData("", "completion")]
    [InlineData("{% if tools %}{{ tools }}{% endif %}", "completion tools")]
    [InlineData("{{ message.tool_calls }}<think></think>", "completion tools thinking")]
    [InlineData("{{ content.split('</think>')[1] }}", "completion thinking")]
    public void A_Jinja_template_tells(string template, string expected) =>
        Assert.Equal(expected.Split(' '), ModelCapabilities.Of(File(GgufWriter.Llama()), template, isGo: false, [], hasProjector: false));

    [Theory]
    [InlineData("llama", null, "completion")]
    [InlineData("llama", 0u, "completion")]
    [InlineData("llama", 1u, "embedding")]
    [InlineData("bert", null, "embedding")]
    [InlineData("nomic-bert", 1u, "embedding")]
    public void A_model_that_pools_and_an_encoder_embed(string architecture, uint? pooling, string expected)
    {
        var writer = new GgufWriter().Set("general.architecture", architecture)
            .Set($"{architecture}.block_count", 1u).Set($"{architecture}.context_length", 64u)
            .Set($"{architecture}.embedding_length", 32u).Set($"{architecture}.attention.head_count", 4u).Tensor("t", 4);
        if (pooling is { } type)
            writer.Set($"{architecture}.pooling_type", type);
        Assert.Equal([expected], ModelCapabilities.Of(File(writer), "", isGo: false, [], hasProjector: false));
    }

    [Fact]
    public void Tokens_to_fill_in_the_middle_a_projector_and_the_store_tell_too()
    {
        var writer = GgufWriter.Llama();
        foreach (var part in new[] { "pre", "suf", "mid" })
            writer.Set($"tokenizer.ggml.fim_{part}_token_id", 1u);
        Assert.Equal(
            ["completion", "vision", "tools", "insert"],
            ModelCapabilities.Of(File(writer), "", isGo: false, ["tools", "unheard-of"], hasProjector: true));
    }

    private static GgufFile File(GgufWriter writer)
    {
        var bytes = writer.ToArray();
        using var stream = new MemoryStream(bytes);
        return GgufParser.Parse("test.gguf", stream, bytes.Length, TestContext.Current.CancellationToken);
    }
}
