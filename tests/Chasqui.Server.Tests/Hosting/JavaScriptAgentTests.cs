using Chasqui.Gateway;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>
/// Coding agents from npm, unchanged: <c>tests/js-agents</c>. Against the embedded engine as it comes, in a worker, and before a double of Ollama, asked as such or in
/// OpenAI's language.
/// </summary>
public sealed class JavaScriptAgentTests
{
    private static readonly NodeProject _project = new("js-agents");

    [Fact]
    public async Task They_work_unchanged()
    {
        await NodeProject.RequireAsync();
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(EngineProcess.Worker, options => options with { Models = options.Models with { OllamaStore = store.Folder } });

        await _project.TestAsync(gateway.Address, "embedded");
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "ollama")]
    [InlineData(NodeKind.OpenAi, "openai")]
    public async Task They_work_unchanged_before_a_node(NodeKind kind, string before)
    {
        await NodeProject.RequireAsync();
        await using var fleet = await PackageFleet.StartAsync(kind);

        await _project.TestAsync(fleet.Address, before, "mini-think");
    }
}
