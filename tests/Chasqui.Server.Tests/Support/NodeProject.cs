using System.ComponentModel;
using System.Diagnostics;

namespace Chasqui.Server.Tests;

/// <summary>A folder of tests in JavaScript, which run against a gateway.</summary>
internal sealed class NodeProject(string folder)
{
    private readonly string _folder = Path.Combine(Repository.Root, "tests", folder);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Skips the test where Node.js or npm is missing.</summary>
    public static async Task RequireAsync()
    {
        Assert.SkipUnless(await HasNodeAsync(), "it needs Node.js 20 or later with npm");
    }

    /// <summary>Installs what the lock file names, unless it is there, and runs the tests.</summary>
    /// <param name="gateway">Where the gateway is.</param>
    /// <param name="before">What it stands before: <c>embedded</c>, <c>ollama</c> or <c>openai</c>.</param>
    /// <param name="thinker">A model that thinks; null for none.</param>
    public async Task TestAsync(Uri gateway, string before, string? thinker = null)
    {
        await InstallAsync();
        var tests = Directory.GetFiles(Path.Combine(_folder, "test"), "*.test.js").Order(StringComparer.Ordinal);
        var (code, output) = await RunAsync(_folder, "node", ["--test", "--test-reporter=tap", .. tests],
            ("CHASQUI_URL", gateway.ToString().TrimEnd('/')), ("CHASQUI_BEFORE", before), ("CHASQUI_MODEL", "mini"),
            ("CHASQUI_TOOLS_MODEL", "mini-tools"), ("CHASQUI_EMBED_MODEL", "mini-embed"), ("CHASQUI_THINK_MODEL", thinker));

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.True(code == 0, output);
        Assert.DoesNotContain("\n# pass 0\n", output, StringComparison.Ordinal);
    }

    // Scripts of packages would build native code or load more; no test needs what they make.
    private async Task InstallAsync()
    {
        var installed = new FileInfo(Path.Combine(_folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= File.GetLastWriteTimeUtc(Path.Combine(_folder, "package-lock.json")))
            return;
        var (code, log) = await RunAsync(_folder, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ("CI", "true"));
        Assert.True(code == 0, log);
    }

    private static async Task<bool> HasNodeAsync()
    {
        try
        {
            var (npm, _) = await RunAsync(Repository.Root, "npm", ["--version"]);
            var (node, version) = await RunAsync(Repository.Root, "node", ["-p", "parseInt(process.versions.node)"]);
            return npm == 0 && node == 0 && int.TryParse(version.Trim(), out var major) && major >= 20;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(string folder, string program, string[] arguments, params (string Name, string? Value)[] variables)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
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
