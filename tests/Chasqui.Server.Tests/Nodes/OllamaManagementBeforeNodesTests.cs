using System.Net;
using System.Security.Cryptography;
using Chasqui.Gateway;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Exceptions;
using TheirCreate = OllamaSharp.Models.CreateModelRequest;
using TheirGenerate = OllamaSharp.Models.GenerateRequest;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>What OllamaSharp, unchanged, can do to the models of a node.</summary>
public sealed class OllamaManagementBeforeNodesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Models_are_listed_and_shown(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        Assert.True(await fleet.Ollama.IsRunningAsync(Token));
        Assert.Equal("0.33.0", await fleet.Ollama.GetVersionAsync(Token));
        var models = (await fleet.Ollama.ListLocalModelsAsync(Token)).ToList();
        Assert.Equal(["mini-embed:latest", "mini-think:latest", "mini-tools:latest", "mini:latest"], models.Select(model => model.Name).Order(StringComparer.Ordinal));
        var shown = await fleet.Ollama.ShowModelAsync("mini-tools", Token);
        var missing = await Assert.ThrowsAsync<HttpRequestException>(() => fleet.Ollama.ShowModelAsync("nope", Token));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);

        // OpenAI's list tells neither.
        if (fleet.IsOllama)
        {
            Assert.All(models, model => Assert.Equal((64, 1_026_006), (model.Digest.Length, model.Size)));
            Assert.Contains("tools", shown.Capabilities!);
            Assert.Equal("llama", shown.Details.Family);
            Assert.Equal("llama", shown.Info.Architecture);
            Assert.Contains("<|im_start|>", shown.Template, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_model_is_loaded_seen_in_memory_and_unloaded()
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.Ollama);
        var answers = await AllAsync(fleet.Ollama.GenerateAsync(new TheirGenerate { Model = "mini", Prompt = "", KeepAlive = "1h", Stream = false }, Token));
        Assert.Equal("load", Assert.IsType<GenerateDoneResponseStream>(Assert.Single(answers)).DoneReason);

        var running = Assert.Single(await fleet.Ollama.ListRunningModelsAsync(Token));
        Assert.Equal(("mini:latest", 4096), (running.Name, running.ContextLength));
        Assert.True(running.ExpiresAt.ToUniversalTime() > DateTime.UtcNow.AddMinutes(50));

        await fleet.Ollama.RequestModelUnloadAsync("mini", Token);
        await fleet.Double.WaitForAsync(state => state.Loaded.Count == 0, Token);
        Assert.Empty(await fleet.Ollama.ListRunningModelsAsync(Token));
    }

    [Fact]
    public async Task A_model_is_pulled_with_its_progress_and_answers()
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.Ollama);

        var steps = await AllAsync(fleet.Ollama.PullModelAsync(new PullModelRequest { Model = "fresh", Stream = true }, Token));

        Assert.Equal(("pulling manifest", "success"), (steps[0].Status, steps[^1].Status));
        var bytes = steps.Where(step => step.Total > 0).ToList();
        Assert.Equal([250_000, 500_000, 750_000, 1_000_000], bytes.Select(step => step.Completed));
        Assert.Equal(100, bytes[^1].Percent);
        Assert.All(bytes, step => Assert.StartsWith("sha256:", step.Digest, StringComparison.Ordinal));
        Assert.Contains("fresh:latest", (await fleet.Ollama.ListLocalModelsAsync(Token)).Select(model => model.Name));
        var (streamed, _) = await OllamaSharpChat.BothAsync(fleet, OllamaSharpChat.Hello("fresh"));
        Assert.Equal(16, streamed.Pieces);
        var whole = await AllAsync(fleet.Ollama.PullModelAsync(new PullModelRequest { Model = "fresher", Stream = false }, Token));
        Assert.Equal("success", Assert.Single(whole).Status);
    }

    [Fact]
    public async Task A_pull_that_fails_is_an_exception_that_says_why()
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.Ollama);
        fleet.Double.Script = fleet.Double.Script with { Pull = new() { Missing = ["gone"] } };

        var failed = await Assert.ThrowsAsync<ResponseError>(() => AllAsync(fleet.Ollama.PullModelAsync(new PullModelRequest { Model = "gone" }, Token)));

        Assert.Contains("file does not exist", failed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_model_is_made_of_another_copied_pushed_and_deleted(bool stream)
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.Ollama);

        var create = new TheirCreate { Model = "brief", From = "mini", System = "Be brief.", License = "None", Parameters = new() { ["num_ctx"] = 2048 }, Stream = stream };
        var steps = await AllAsync(fleet.Ollama.CreateModelAsync(create, Token));
        Assert.Equal("success", steps[^1].Status);
        Assert.Equal(stream, steps.Count > 1);
        var shown = await fleet.Ollama.ShowModelAsync("brief", Token);
        Assert.Equal(("Be brief.", "None"), (shown.System, shown.License));
        Assert.Contains("num_ctx", shown.Parameters, StringComparison.Ordinal);
        Assert.Equal("mini:latest", shown.Details.ParentModel);

        await fleet.Ollama.CopyModelAsync("brief", "me/briefer:v1", Token);
        var models = (await fleet.Ollama.ListLocalModelsAsync(Token)).ToDictionary(model => model.Name, model => model.Digest);
        Assert.Equal(models["brief:latest"], models["me/briefer:v1"]);
        Assert.Equal("success", (await AllAsync(fleet.Ollama.PushModelAsync(new PushModelRequest { Model = "me/briefer:v1", Stream = stream }, Token)))[^1].Status);

        await fleet.Ollama.DeleteModelAsync("brief", Token);
        Assert.DoesNotContain("brief:latest", (await fleet.Ollama.ListLocalModelsAsync(Token)).Select(model => model.Name));
        foreach (var gone in (Func<Task>[])[() => fleet.Ollama.DeleteModelAsync("brief", Token), () => fleet.Ollama.CopyModelAsync("brief", "b", Token)])
            Assert.Equal(HttpStatusCode.NotFound, (await Assert.ThrowsAsync<HttpRequestException>(gone)).StatusCode);
    }

    [Fact]
    public async Task A_file_is_uploaded_and_becomes_a_model()
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.Ollama);
        var file = new byte[300_000];
        new Random(1).NextBytes(file);
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(file));

        Assert.False(await fleet.Ollama.IsBlobExistsAsync(digest, Token));
        await fleet.Ollama.PushBlobAsync(digest, file, Token);
        Assert.True(await fleet.Ollama.IsBlobExistsAsync(digest, Token));
        var steps = await AllAsync(fleet.Ollama.CreateModelAsync(new TheirCreate { Model = "own", Files = new() { ["own.gguf"] = digest } }, Token));

        Assert.Equal("success", steps[^1].Status);
        Assert.Equal(300_000, (await fleet.Ollama.ListLocalModelsAsync(Token)).Single(model => model.Name == "own:latest").Size);
        await Assert.ThrowsAsync<OllamaException>(() => fleet.Ollama.PushBlobAsync("sha256:" + new string('0', 64), file, Token));
    }

    [Fact]
    public async Task A_node_of_OpenAIs_language_is_told_to_manage_nothing()
    {
        await using var fleet = await PackageFleet.StartAsync(NodeKind.OpenAi);

        foreach (var change in (Func<Task>[])
        [
            () => AllAsync(fleet.Ollama.PullModelAsync("fresh", Token)),
            () => AllAsync(fleet.Ollama.CreateModelAsync(new TheirCreate { Model = "brief", From = "mini" }, Token)),
            () => fleet.Ollama.CopyModelAsync("mini", "mini2", Token),
            () => fleet.Ollama.DeleteModelAsync("mini", Token),
        ])
        {
            var refused = await Assert.ThrowsAsync<OllamaException>(change);
            Assert.Contains("pull, push, create, copy, delete and blobs are not there", refused.Message, StringComparison.Ordinal);
        }
    }

    private static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T?> steps) where T : class
    {
        var all = new List<T>();
        await foreach (var step in steps)
            all.Add(step!);
        return all;
    }
}
