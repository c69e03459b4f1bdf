using System.Globalization;
using System.Text.Json;
using Chasqui.Bench.Proxy;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Sched;

/// <summary>Nodes that behave like Ollama and a gateway before them, all as processes of their own.</summary>
internal sealed class NodeSet : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-bench-").FullName;
    private readonly List<PeerProcess> _nodes = [];
    private Proxy.Proxy? _gateway;

    /// <summary>Where each node listens.</summary>
    public List<Uri> Nodes { get; } = [];

    /// <summary>Where the gateway does.</summary>
    public Uri Gateway { get; private set; } = null!;

    /// <summary>Starts all.</summary>
    /// <param name="count">Nodes.</param>
    /// <param name="script">What each plays, in JSON.</param>
    /// <param name="node">What the gateway is told of each beside its address, in JSON: members with a comma before each.</param>
    /// <param name="rest">More of its configuration, in the same form.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<NodeSet> StartAsync(int count, string script, string node, string rest, CancellationToken cancellationToken)
    {
        var set = new NodeSet();
        try
        {
            await set.FillAsync(count, script, node, rest, cancellationToken).ConfigureAwait(false);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Counts of a node, e.g. <c>loads</c>.</summary>
    public async Task<long> CountAsync(HttpClient http, int node, string name, CancellationToken cancellationToken)
    {
        using var json = JsonDocument.Parse(await http.GetStringAsync(new Uri(Nodes[node], "double/state"), cancellationToken).ConfigureAwait(false));
        return json.RootElement.GetProperty(name).GetInt64();
    }

    public void Dispose()
    {
        _gateway?.Dispose();
        foreach (var node in _nodes)
            node.Dispose();
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

    private async Task FillAsync(int count, string script, string node, string rest, CancellationToken cancellationToken)
    {
        var programs = new Programs(_folder);
        var path = programs.Write("node", "script.json", script);
        for (var i = 0; i < count; i++)
        {
            var process = PeerProcess.Start("double", path);
            _nodes.Add(process);
            var port = (await process.ReadAsync(cancellationToken).ConfigureAwait(false)).Port;
            Nodes.Add(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));
        }
        var nodes = string.Join(",\n", Nodes.Select((address, i) => $$"""    { "Name": "n{{i}}", "Url": "{{address.ToString().TrimEnd('/')}}", "Kind": "ollama"{{node}} }"""));
        var file = programs.Write("gateway", "chasqui.json", $$"""
            {
              "Engine": { "Enabled": false },
              "Nodes": [
            {{nodes}}
              ]{{rest}}
            }
            """);
        var http = Programs.FreePort();
        string[] command =
        [
            .. ProxySet.Program(), "serve", "--http", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{http}"), "--mcp", "off",
            "--data", Path.Combine(_folder, "data"), "--config", file,
        ];
        _gateway = await programs.StartAsync("gateway", new Proxy.Proxy(Proxy.Proxy.Ours, http, 0, "http", 0, null), command, cancellationToken).ConfigureAwait(false);
        Gateway = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{http}"));
    }
}
