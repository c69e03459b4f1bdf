using System.Globalization;
using Chasqui.Bench.Proxy;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Merge;

/// <summary>A node whose calls have a fixed cost, and gateways before it that differ in one thing.</summary>
internal sealed class MergeSet : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-bench-").FullName;
    private readonly List<IDisposable> _running = [];
    private readonly Dictionary<string, PeerProcess> _clients = new(StringComparer.Ordinal);

    /// <summary>The node's port.</summary>
    public int Node { get; private set; }

    /// <summary>The gateways' ports by their names.</summary>
    public Dictionary<string, int> Ports { get; } = new(StringComparer.Ordinal);

    /// <summary>Starts all.</summary>
    /// <param name="gateways">Names, and what their configurations say beside the node.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<MergeSet> StartAsync(IEnumerable<(string Name, string Section)> gateways, CancellationToken cancellationToken)
    {
        var set = new MergeSet();
        try
        {
            set.Node = (await set.Peer("server", "fixed-cost").ReadAsync(cancellationToken).ConfigureAwait(false)).Port;
            foreach (var (name, section) in gateways)
                await set.AddAsync(name, section, cancellationToken).ConfigureAwait(false);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Measures callers who each wait for their answer before they ask again.</summary>
    public async Task<PeerAnswer> MeasureAsync(string kind, int port, int callers, double warmUp, double seconds, CancellationToken cancellationToken)
    {
        if (!_clients.TryGetValue(kind, out var client))
            _clients[kind] = client = Peer("client", kind, "0");
        await client.AskAsync(new PeerCommand(PeerVerb.Prepare, new PeerLoad(LoadShape.Unary, callers, 1, port), warmUp), cancellationToken).ConfigureAwait(false);
        var answer = await client.AskAsync(new PeerCommand(PeerVerb.Run, Seconds: seconds), cancellationToken).ConfigureAwait(false);
        await client.AskAsync(new PeerCommand(PeerVerb.Rest), cancellationToken).ConfigureAwait(false);
        return answer.Operations > 0 ? answer : throw new IOException($"{kind}: nothing was answered while it was measured");
    }

    /// <summary>Calls that the node has had.</summary>
    public async Task<long> CallsAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        return long.Parse(await http.GetStringAsync(new Uri($"http://127.0.0.1:{Text(Node)}/calls"), cancellationToken).ConfigureAwait(false), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        foreach (var one in Enumerable.Reverse(_running))
            one.Dispose();
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

    private async Task AddAsync(string name, string section, CancellationToken cancellationToken)
    {
        var programs = new Programs(_folder);
        var file = programs.Write(name, "chasqui.json", $$"""
            {
              "Nodes": [{ "Name": "b", "Url": "http://127.0.0.1:{{Text(Node)}}", "Kind": "ollama", "Slots": 1 }],
              "Engine": { "Enabled": false },
              {{section}}
            }

            """);
        var program = Path.Combine(AppContext.BaseDirectory, "chasqui.dll");
        if (!File.Exists(program))
            throw new IOException($"{program} is missing: this scenario runs with ./run bench");
        var port = Programs.FreePort();
        string[] command =
        [
            PeerProcess.Runtime(), program, "serve", "--http", $"127.0.0.1:{Text(port)}", "--mcp", $"127.0.0.1:{Text(Programs.FreePort())}",
            "--data", Path.Combine(_folder, name, "data"), "--config", file,
        ];
        _running.Add(await programs.StartAsync(name, new Proxy.Proxy(name, port, 0, "http", 0, null), command, cancellationToken).ConfigureAwait(false));
        Ports[name] = port;
    }

    private PeerProcess Peer(params string[] arguments)
    {
        var peer = PeerProcess.Start(arguments);
        _running.Add(peer);
        return peer;
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
