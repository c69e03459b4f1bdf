using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using Chasqui.Bench.Proxy;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Hostile;

/// <summary>A gateway with keys and all else at its defaults, a node of four slots behind it, and those who attack it: each a process of its own, with real sockets between them.</summary>
internal sealed class HostileSet : IDisposable
{
    /// <summary>Slots of the node; those who attack may use it too.</summary>
    public const int Slots = 4;

    // A gateway that has not begun to serve by then does not.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    // Answers of many bytes in few tokens cost the node little. One is longer than sockets buffer, the other just short enough to be kept.
    private static readonly string _script = $$"""
        {
          "models": [
            { "name": "bench", "answerTokens": 16, "tokenMilliseconds": 2 },
            { "name": "long", "answer": "{{Words(256)}}", "tokenMilliseconds": 0 },
            { "name": "kept", "answer": "{{Words(56)}}", "tokenMilliseconds": 0 }
          ],
          "numParallel": {{Slots}}, "recordedRequests": 0
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-hostile-").FullName;
    private PeerProcess? _node;
    private PeerProcess? _gateway;
    private PeerProcess? _attackers;

    private HostileSet()
    {
    }

    /// <summary>Where the gateway takes HTTP.</summary>
    public Uri Http { get; private set; } = null!;

    /// <summary>Where it takes MCP/1.</summary>
    public string Wire { get; private set; } = "";

    /// <summary>The gateway's process.</summary>
    public int Process { get; private set; }

    /// <summary>The key of the caller who does nothing wrong.</summary>
    public string HealthyKey { get; private set; } = "";

    /// <summary>What the gateway has logged.</summary>
    public string Log => Path.Combine(_folder, "gateway", "output.log");

    /// <param name="unix">Whether MCP/1 comes over a Unix socket instead of TCP.</param>
    /// <param name="priority">Of those who attack: low where times are measured, usual where a busy machine must not keep them from it.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<HostileSet> StartAsync(bool unix, ProcessPriorityClass priority, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("the memory of other programs is read as Linux tells it");
        var set = new HostileSet();
        try
        {
            await set.FillAsync(unix, priority, cancellationToken).ConfigureAwait(false);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Lets those who attack do so for a while, several at once.</summary>
    /// <returns>How often they did what they wanted to do.</returns>
    public async Task<long> AttackAsync(IReadOnlyList<string> names, double seconds, int seed, CancellationToken cancellationToken) =>
        (await _attackers!.AskAsync(new PeerCommand(PeerVerb.Attack, Seconds: seconds, Attacks: names, Seed: seed), cancellationToken).ConfigureAwait(false)).Operations;

    /// <summary>Memory of the gateway and of its worker.</summary>
    public ResidentMemory Memory() => ResidentMemory.Of(Process);

    public void Dispose()
    {
        _attackers?.Dispose();
        _gateway?.Dispose();
        _node?.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // A process still writes its log. The system clears the folder later.
            return;
        }
    }

    private async Task FillAsync(bool unix, ProcessPriorityClass priority, CancellationToken cancellationToken)
    {
        var programs = new Programs(_folder);
        _node = PeerProcess.Start("double", programs.Write("node", "script.json", _script));
        var node = (await _node.ReadAsync(cancellationToken).ConfigureAwait(false)).Port;
        HealthyKey = await KeyAsync("healthy", "infer", cancellationToken).ConfigureAwait(false);
        var infer = await KeyAsync("attacker", "infer", cancellationToken).ConfigureAwait(false);
        var models = await KeyAsync("attacker-of-models", "infer,models", cancellationToken).ConfigureAwait(false);
        var file = programs.Write("gateway", "chasqui.json", string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "Nodes": [{ "Name": "n0", "Url": "http://127.0.0.1:{{node}}", "Kind": "ollama", "Slots": {{Slots}} }],
              "Models": { "OllamaStore": "" }
            }
            """));
        var (http, messages) = (Programs.FreePort(), Programs.FreePort());
        var listen = unix ? "unix:" + Path.Combine(_folder, "mcp.sock") : string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{messages}");
        Http = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{http}"));
        Wire = unix ? listen : "tcp://" + listen;
        _gateway = PeerProcess.Start(["guard", Log, .. ProxySet.Program(), "serve", "--http", Http.Authority, "--mcp", listen, "--data", Data, "--config", file]);
        Process = (await _gateway.ReadAsync(cancellationToken).ConfigureAwait(false)).Process;
        await WaitAsync(cancellationToken).ConfigureAwait(false);
        _attackers = PeerProcess.Start("attack", priority.ToString(), Text(http), Wire, infer, models);
        await _attackers.ReadAsync(cancellationToken).ConfigureAwait(false);
    }

    // Of 64 KiB each.
    private static string Words(int count) => string.Join(' ', Enumerable.Repeat(new string('w', 64 * 1024), count));

    private string Data => Path.Combine(_folder, "data");

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = Http, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", HealthyKey) } };
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < _patience;)
        {
            try
            {
                if ((await client.GetStringAsync(new Uri("api/tags", UriKind.Relative), cancellationToken).ConfigureAwait(false)).Contains("bench:latest", StringComparison.Ordinal))
                    return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
            if ((await _gateway!.AskAsync(new PeerCommand(PeerVerb.Sent), cancellationToken).ConfigureAwait(false)).Process == 0)
                break;
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken).ConfigureAwait(false);
        }
        throw new IOException($"the gateway did not start: {File.ReadLines(Log).LastOrDefault()}");
    }

    private async Task<string> KeyAsync(string name, string scopes, CancellationToken cancellationToken)
    {
        var program = ProxySet.Program();
        var start = new ProcessStartInfo(program[0], [program[1], "keys", "add", name, "--scopes", scopes, "--data", Data]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = System.Diagnostics.Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        var key = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        return process.ExitCode == 0 ? key.Trim() : throw new IOException($"the key {name} was not made: {await error.ConfigureAwait(false)}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
