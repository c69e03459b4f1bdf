using System.ComponentModel;

namespace Chasqui.Server.Tests;

/// <summary>A folder of tests in JavaScript, which run against a gateway.</summary>
internal sealed class NodeProject(string folder)
{
    private readonly string _folder = Path.Combine(Repository.Root, "tests", folder);

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
        var (code, output) = await ExternalProgram.RunAsync(_folder, "node", ["--test", "--test-reporter=tap", .. tests],
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
        var (code, log) = await ExternalProgram.RunAsync(_folder, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ("CI", "true"));
        Assert.True(code == 0, log);
    }

    private static async Task<bool> HasNodeAsync()
    {
        try
        {
            var (npm, _) = await ExternalProgram.RunAsync(Repository.Root, "npm", ["--version"]);
            var (node, version) = await ExternalProgram.RunAsync(Repository.Root, "node", ["-p", "parseInt(process.versions.node)"]);
            return npm == 0 && node == 0 && int.TryParse(version.Trim(), out var major) && major >= 20;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
