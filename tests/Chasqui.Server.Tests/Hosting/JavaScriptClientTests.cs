using System.ComponentModel;
using System.Diagnostics;
using Chasqui.Gateway;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>
/// The JavaScript packages of Anthropic, OpenAI and Ollama, unchanged: <c>tests/js-clients</c>. The same files run against the embedded engine with the shipped
/// model, and against a gateway before a double of Ollama, asked as such or in OpenAI's language.
/// </summary>
public sealed class JavaScriptClientTests
{
    private static readonly string _folder = Path.Combine(Repository.Root, "tests", "js-clients");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(EngineProcess.Worker)]
    [InlineData(EngineProcess.Gateway)]
    public async Task They_work_unchanged(EngineProcess process)
    {
        Assert.SkipUnless(await HasNodeAsync(), "it needs Node.js 20 or later with npm");
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(process, options => options with { Models = options.Models with { OllamaStore = store.Folder } });

        await RunAllAsync(gateway.Address, "embedded");
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "ollama")]
    [InlineData(NodeKind.OpenAi, "openai")]
    public async Task They_work_unchanged_before_a_node(NodeKind kind, string before)
    {
        Assert.SkipUnless(await HasNodeAsync(), "it needs Node.js 20 or later with npm");
        await using var fleet = await PackageFleet.StartAsync(kind);

        await RunAllAsync(fleet.Address, before);
    }

    private static async Task RunAllAsync(Uri gateway, string before)
    {
        if (!IsInstalled())
        {
            var (installed, log) = await RunAsync("npm", "ci", "--no-audit", "--no-fund");
            Assert.True(installed == 0, log);
        }
        var tests = Directory.GetFiles(Path.Combine(_folder, "test"), "*.test.js").Order(StringComparer.Ordinal);
        var (code, output) = await RunAsync("node", ["--test", "--test-reporter=tap", .. tests],
            ("CHASQUI_URL", gateway.ToString().TrimEnd('/')), ("CHASQUI_BEFORE", before),
            ("CHASQUI_MODEL", "mini"), ("CHASQUI_TOOLS_MODEL", "mini-tools"), ("CHASQUI_EMBED_MODEL", "mini-embed"));

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(code == 0, output);
        Assert.DoesNotContain("\n# pass 0\n", output, StringComparison.Ordinal);
    }

    /// <summary>Whether what the lock file names is there already.</summary>
    private static bool IsInstalled()
    {
        var installed = new FileInfo(Path.Combine(_folder, "node_modules", ".package-lock.json"));
        return installed.Exists && installed.LastWriteTimeUtc >= File.GetLastWriteTimeUtc(Path.Combine(_folder, "package-lock.json"));
    }

    private static async Task<bool> HasNodeAsync()
    {
        try
        {
            var (npm, _) = await RunAsync("npm", "--version");
            var (node, version) = await RunAsync("node", "-p", "parseInt(process.versions.node)");
            return npm == 0 && node == 0 && int.TryParse(version.Trim(), out var major) && major >= 20;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private static Task<(int Code, string Output)> RunAsync(string program, params string[] arguments) => RunAsync(program, arguments, ("CI", "true"));

    private static async Task<(int Code, string Output)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        try
        {
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(Token);
            var output = await process.StandardOutput.ReadToEndAsync(Token);
            await process.WaitForExitAsync(Token);
            return (process.ExitCode, process.ExitCode == 0 ? output : output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
