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

    private static Task<Fleet> StartAsync() => Fleet.StartAsync(new DoubleScript { IsLlamaCpp = true, Models = [new DoubleModel { Name = "mini" }] }, kind: NodeKind.OpenAi);
}
