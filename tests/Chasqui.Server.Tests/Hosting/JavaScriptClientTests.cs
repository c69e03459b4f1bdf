using Chasqui.Gateway;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>
/// Packages of JavaScript, unchanged. <c>tests/js-clients</c> has those of Anthropic, OpenAI and Ollama, <c>tests/js-frameworks</c> has the AI SDK, LangChain, LlamaIndex
/// and OpenAI's Agents, <c>tests/js-codex</c> has OpenAI's Codex. The same files run against the embedded engine with the shipped model, and against a gateway before a
/// double of Ollama, asked as such or in OpenAI's language.
/// </summary>
public sealed class JavaScriptClientTests
{
    [Theory]
    [InlineData("js-clients", EngineProcess.Worker)]
    [InlineData("js-clients", EngineProcess.Gateway)]
    [InlineData("js-frameworks", EngineProcess.Worker)]
    [InlineData("js-codex", EngineProcess.Worker)]
    public async Task They_work_unchanged(string folder, EngineProcess process)
    {
        await NodeProject.RequireAsync();
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(process, options => options with { Models = options.Models with { OllamaStore = store.Folder } });

        await new NodeProject(folder).TestAsync(gateway.Address, "embedded");
    }

    [Theory]
    [InlineData("js-clients", NodeKind.Ollama, "ollama")]
    [InlineData("js-clients", NodeKind.OpenAi, "openai")]
    [InlineData("js-frameworks", NodeKind.Ollama, "ollama")]
    [InlineData("js-frameworks", NodeKind.OpenAi, "openai")]
    [InlineData("js-codex", NodeKind.Ollama, "ollama")]
    [InlineData("js-codex", NodeKind.OpenAi, "openai")]
    public async Task They_work_unchanged_before_a_node(string folder, NodeKind kind, string before)
    {
        await NodeProject.RequireAsync();
        await using var fleet = await PackageFleet.StartAsync(kind);

        await new NodeProject(folder).TestAsync(fleet.Address, before, "mini-think");
    }
}
