using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Ollama's API before llama.cpp's server: its own sentences survive, and what it does not tell is not made up.</summary>
public sealed class LlamaCppBeforeOllamasApiTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/embed", "\"input\":\"x\"")]
    [InlineData("/api/embeddings", "\"prompt\":\"x\"")]
    public async Task That_it_was_started_without_vectors_is_told_in_its_own_words(string path, string asked)
    {
        await using var fleet = await StartAsync();

        using var response = await fleet.Gateway.PostAsync(path, $$"""{"model":"mini",{{asked}}}""");

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("This server does not support embeddings. Start it with `--embeddings`", JsonElement.Parse(await response.Content.ReadAsStringAsync(Token)).GetProperty("error").GetString());
    }

    [Fact]
    public async Task The_Modelfile_of_a_model_begins_with_its_name()
    {
        await using var fleet = await StartAsync();

        using var response = await fleet.Gateway.PostAsync("/api/show", """{"model":"mini"}""");

        Assert.Contains("\nFROM mini:latest\n", JsonElement.Parse(await response.Content.ReadAsStringAsync(Token)).GetProperty("modelfile").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]")]
    [InlineData("/v1/completions", "\"prompt\":\"x\"")]
    [InlineData("/api/chat", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]")]
    [InlineData("/api/generate", "\"prompt\":\"x\"")]
    [InlineData("/api/generate", "\"prompt\":\"x\",\"raw\":true")]
    public async Task A_prompt_that_is_only_to_be_shown_is_shown_or_refused_and_never_answered(string path, string asked)
    {
        await using var fleet = await StartAsync();

        using var response = await fleet.Gateway.PostAsync(path, $$"""{"model":"mini",{{asked}},"_debug_render_only":true}""");

        // The double renders no templates.
        Assert.Equal(400, (int)response.StatusCode);
        Assert.DoesNotContain(fleet.Double.Requests, request => request.Method == "POST" && request.Path.EndsWith("completions", StringComparison.Ordinal));
        using var answered = await fleet.Gateway.PostAsync("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}],"_debug_render_only":false}""");
        Assert.True(answered.IsSuccessStatusCode);
    }

    private static Task<Fleet> StartAsync() => Fleet.StartAsync(new DoubleScript { IsLlamaCpp = true, Models = [new DoubleModel { Name = "mini" }] }, kind: NodeKind.OpenAi);
}
