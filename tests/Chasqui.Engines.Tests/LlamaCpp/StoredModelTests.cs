using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models;
using Chasqui.Engines.Tests.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Models that have their weights in common: one file in memory, and to each name its own words.</summary>
[Collection(EngineCollection.Name)]
public sealed class StoredModelTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LlamaEngine _engine;

    public StoredModelTests()
    {
        var store = new OllamaStoreBuilder(_folder.Path);
        var weights = store.Layer("model", File.ReadAllBytes(EngineBed.ModelFile));
        foreach (var name in new[] { "fox", "bear" })
        {
            store.Manifest($"registry.ollama.ai/library/{name}/latest", null, weights,
                store.Layer("system", $"You are a {name}."),
                store.Layer("template", $"[{name}] {{{{ .System }}}} {{{{ .Prompt }}}}"),
                store.Layer("params", name == "fox" ? """{"num_predict":3}""" : """{"num_predict":5}"""));
        }

        _engine = new LlamaEngine(
            EngineBed.Settings, new ModelStore(new ModelStoreOptions { OllamaFolder = _folder.Path }), TimeProvider.System, NullLoggerFactory.Instance, () => 8L << 30);
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        _folder.Dispose();
    }

    private static OutputFormat Endless { get; } = OutputFormat.FromSchema(System.Text.Json.JsonSerializer.SerializeToElement(
        new { type = "string", minLength = 3000 }));

    [Fact]
    public async Task Each_name_has_its_own_system_text_template_and_parameters()
    {
        for (var i = 0; i < 2; i++)
        {
            foreach (var (name, tokens) in new[] { ("fox", 3), ("bear", 5) })
            {
                var request = EngineBed.Question("Who are you?", new() { Temperature = 0 }, name) with { Format = Endless };
                var shown = await Answer.Of(_engine.ChatAsync(request with { RenderOnly = true }, EngineBed.Token), EngineBed.Token);
                Assert.Equal($"[{name}] You are a {name}. Who are you?", shown.Updates.Single().RenderedPrompt);
                var completion = await Answer.Of(
                    _engine.GenerateAsync(new GenerateRequest { Model = name, Prompt = "Hello!", RenderOnly = true }, EngineBed.Token), EngineBed.Token);
                Assert.Equal($"[{name}] You are a {name}. Hello!", completion.Updates.Single().RenderedPrompt);
                Assert.Equal(tokens, (await Answer.Of(_engine.ChatAsync(request, EngineBed.Token), EngineBed.Token)).Result.CompletionTokens);
                Assert.Equal(name + ":latest", (await _engine.LoadAsync(new LoadRequest { Model = name }, EngineBed.Token)).Summary.Name);
            }
        }

        Assert.Single(await _engine.ListResidentAsync(EngineBed.Token));
    }
}
