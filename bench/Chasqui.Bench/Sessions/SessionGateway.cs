using System.Globalization;
using System.Text;
using System.Text.Json;
using Chasqui.Bench.Proxy;

namespace Chasqui.Bench.Sessions;

/// <summary>A gateway with the embedded engine, as a process of its own, and its sessions.</summary>
internal sealed class SessionGateway : IDisposable
{
    private readonly string _folder;
    private readonly int _port;
    private Proxy.Proxy _process;

    private SessionGateway(string folder, Proxy.Proxy process, int port, int messages)
    {
        (_folder, _process, _port, MessagePort) = (folder, process, port, messages);
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 10_000 })
        {
            BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")),
            Timeout = TimeSpan.FromMinutes(5),
        };
    }

    public HttpClient Http { get; }

    /// <summary>Its process.</summary>
    public int ProcessId => _process.Process;

    /// <summary>Where it listens for MCP.</summary>
    public int MessagePort { get; }

    /// <param name="prepare">Writes models into a folder.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<SessionGateway> StartAsync(Action<string> prepare, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-bench-").FullName;
        try
        {
            var models = Directory.CreateDirectory(Path.Combine(folder, "models")).FullName;
            await Task.Run(() => prepare(models), cancellationToken).ConfigureAwait(false);
            var (port, messages) = (Programs.FreePort(), Programs.FreePort());
            return new SessionGateway(folder, await RunAsync(folder, port, messages, cancellationToken).ConfigureAwait(false), port, messages);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Kills it as the kernel would, and starts it again in the same folder.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        using (var process = System.Diagnostics.Process.GetProcessById(_process.Process))
        {
            process.Kill();
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        }
        _process.Dispose();
        _process = await RunAsync(_folder, _port, MessagePort, cancellationToken).ConfigureAwait(false);
    }

    private static Task<Proxy.Proxy> RunAsync(string folder, int port, int messages, CancellationToken cancellationToken)
    {
        var programs = new Programs(folder);
        string[] command =
        [
            .. ProxySet.Program(), "serve", "--http", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--mcp", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{messages}"),
            "--data", Path.Combine(folder, "data"), "--models", Path.Combine(folder, "models"),
            "--config", programs.Write("gateway", "chasqui.json", """{ "Nodes": [], "Models": { "OllamaStore": "" } }"""),
        ];
        return programs.StartAsync("gateway", new Proxy.Proxy(Proxy.Proxy.Ours, port, 0, "http", 0, null), command, cancellationToken);
    }

    /// <summary>Asks for JSON.</summary>
    public async Task<JsonElement> PostAsync(string path, string body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await Http.PostAsync(new Uri(path, UriKind.Relative), content, cancellationToken).ConfigureAwait(false);
        var json = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        return answer.IsSuccessStatusCode ? JsonElement.Parse(json) : throw new IOException($"{path} was answered with status {(int)answer.StatusCode}: {Encoding.UTF8.GetString(json)}");
    }

    public void Dispose()
    {
        Http.Dispose();
        _process.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // Somebody still writes his log; the folder is the system's to clear.
            return;
        }
    }
}
