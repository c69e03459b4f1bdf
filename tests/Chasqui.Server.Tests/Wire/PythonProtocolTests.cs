using System.ComponentModel;
using Chasqui.Gateway;
using Chasqui.Server.Tests.Keys;

namespace Chasqui.Server.Tests;

/// <summary>
/// <c>tests/protocol-python</c>: a client of MCP/1 that was written from docs/protocol.md alone. It is held to the vectors, and a gateway over the embedded engine to
/// what it expects.
/// </summary>
public sealed class PythonProtocolTests
{
    private const string OldEnough = "import sys; sys.exit(sys.version_info < (3, 9))";

    private static readonly string _folder = Path.Combine(Repository.Root, "tests", "protocol-python");

    [Fact]
    public async Task A_client_that_was_written_from_the_text_alone_works()
    {
        Assert.SkipUnless(await HasPythonAsync(), "it needs python3 3.9 or later");
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(EngineProcess.Gateway, options => options with { Models = options.Models with { OllamaStore = store.Folder } });
        var key = await gateway.AddKeyAsync("python", caller => caller with { Scopes = Scopes.All });

        var (code, output) = await ExternalProgram.RunAsync(_folder, "python3", ["-W", "error", "-m", "unittest", "--verbose"],
            ("CHASQUI_MCP", gateway.Wire.ToString()), ("CHASQUI_KEY", key), ("CHASQUI_MODEL", "mini"), ("PYTHONDONTWRITEBYTECODE", "1"));

        Assert.True(code == 0, output);
    }

    private static async Task<bool> HasPythonAsync()
    {
        try
        {
            return (await ExternalProgram.RunAsync(_folder, "python3", ["-c", OldEnough])).Code == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
