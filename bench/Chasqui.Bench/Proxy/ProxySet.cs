using System.Globalization;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Proxy;

/// <summary>The backends, the clients and the proxies of a run, all as processes of their own.</summary>
internal sealed class ProxySet : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-bench-").FullName;
    private readonly List<PeerProcess> _peers = [];
    private readonly List<Proxy> _proxies = [];

    private ProxySet()
    {
    }

    /// <summary>Who is measured, first the backends without anybody before them.</summary>
    public IReadOnlyList<Proxy> All => _proxies;

    /// <summary>Who chats over HTTP.</summary>
    public PeerProcess Client { get; private set; } = null!;

    /// <summary>Who chats over MCP.</summary>
    public PeerProcess MessageClient { get; private set; } = null!;

    public static async Task<ProxySet> StartAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        var set = new ProxySet();
        try
        {
            await set.FillAsync(progress, cancellationToken).ConfigureAwait(false);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var proxy in _proxies)
            proxy.Dispose();
        foreach (var peer in _peers)
            peer.Dispose();
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

    private async Task FillAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        var programs = new Programs(_folder);
        var http = await ServerAsync("node", cancellationToken).ConfigureAwait(false);
        var mcp = await ServerAsync("node-mcp", cancellationToken).ConfigureAwait(false);
        Client = Peer("client", "node", "0");
        MessageClient = Peer("client", "node-mcp", "0");
        _proxies.Add(new Proxy(Proxy.Direct, http, 0, "http", 0, null));
        _proxies.Add(new Proxy(Proxy.Direct, 0, mcp, "mcp", 0, null));
        await AddAsync(Proxy.Nginx, "apt-get install nginx", progress, async program =>
        {
            var port = Programs.FreePort();
            var folder = Path.Combine(_folder, Proxy.Nginx);
            var file = programs.Write(Proxy.Nginx, "nginx.conf", Configurations.Nginx(folder, port, http));
            return await programs.StartAsync(Proxy.Nginx, new Proxy(Proxy.Nginx, port, 0, "http", 0, null),
                [program, "-p", folder, "-e", Path.Combine(folder, "error.log"), "-c", file], cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        await AddAsync(Proxy.HaProxy, "apt-get install haproxy", progress, async program =>
        {
            var port = Programs.FreePort();
            var file = programs.Write(Proxy.HaProxy, "haproxy.cfg", Configurations.HaProxy(port, http));
            return await programs.StartAsync(Proxy.HaProxy, new Proxy(Proxy.HaProxy, port, 0, "http", 0, null),
                [program, "-db", "-f", file], cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);

        var yarp = Peer("server", Proxy.Yarp, Text(http));
        _proxies.Add(new Proxy(Proxy.Yarp, (await yarp.ReadAsync(cancellationToken).ConfigureAwait(false)).Port, 0, "http", yarp.Id, null));
        await AddOursAsync(programs, $"http://127.0.0.1:{http}", "ollama", "http", progress, cancellationToken).ConfigureAwait(false);
        await AddOursAsync(programs, $"tcp://127.0.0.1:{mcp}", "chasqui", "mcp", progress, cancellationToken).ConfigureAwait(false);
    }

    private async Task AddAsync(string name, string install, IProgress<string> progress, Func<string, Task<Proxy>> start)
    {
        if (Programs.Find(name) is { } program)
            _proxies.Add(await start(program).ConfigureAwait(false));
        else
            progress.Report($"{name} is left out: it is not on the PATH ({install})");
    }

    private async Task AddOursAsync(Programs programs, string url, string kind, string upstream, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var name = $"{Proxy.Ours}-{upstream}";
        var file = programs.Write(name, "chasqui.json", Configurations.Chasqui(url, kind));
        var (port, messages) = (Programs.FreePort(), Programs.FreePort());
        var proxy = new Proxy(Proxy.Ours, port, messages, upstream, 0, null);
        string[] command =
        [
            .. Program(), "serve", "--http", $"127.0.0.1:{Text(port)}", "--mcp", $"127.0.0.1:{Text(messages)}",
            "--data", Path.Combine(_folder, name, "data"), "--config", file,
        ];
        try
        {
            _proxies.Add(await programs.StartAsync(name, proxy, command, cancellationToken).ConfigureAwait(false));
        }
        catch (IOException e)
        {
            progress.Report($"{name} is left out: {e.Message}");
        }
    }

    /// <summary>This program, run as it is run here.</summary>
    public static string[] Program()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "chasqui.dll");
        return File.Exists(program) ? [PeerProcess.Runtime(), program] : throw new IOException($"{program} is missing: this scenario runs with ./run bench");
    }

    private async Task<int> ServerAsync(string kind, CancellationToken cancellationToken) =>
        (await Peer("server", kind).ReadAsync(cancellationToken).ConfigureAwait(false)).Port;

    private PeerProcess Peer(params string[] arguments)
    {
        var peer = PeerProcess.Start(arguments);
        _peers.Add(peer);
        return peer;
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
