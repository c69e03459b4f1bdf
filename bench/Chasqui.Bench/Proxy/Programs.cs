using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Proxy;

/// <summary>Finds and starts programs that proxy.</summary>
/// <param name="folder">Where their configurations, state and logs go.</param>
internal sealed class Programs(string folder)
{
    // A program that has not answered by then does not.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>Looks for a program on the PATH, and where Debian puts the servers.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Append("/usr/sbin").Append("/usr/local/sbin").Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists);

    /// <summary>A port that nobody listens on now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Writes a file into a folder of the program's own.</summary>
    /// <returns>Its path.</returns>
    public string Write(string program, string name, string text)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, program)).FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Starts a program and waits until it passes on what the backend says.</summary>
    /// <exception cref="IOException">It does not; the message has the last line of its log.</exception>
    public async Task<Proxy> StartAsync(string program, Proxy proxy, string[] command, CancellationToken cancellationToken)
    {
        var log = Write(program, "output.log", "");
        var guard = PeerProcess.Start(["guard", log, .. command]);
        try
        {
            var process = (await guard.ReadAsync(cancellationToken).ConfigureAwait(false)).Process;
            var started = proxy with { Process = process, Running = guard };
            await WaitAsync(started, log, cancellationToken).ConfigureAwait(false);
            return started;
        }
        catch
        {
            guard.Dispose();
            throw;
        }
    }

    private static async Task WaitAsync(Proxy proxy, string log, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var tags = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{proxy.Port}/api/tags"));
        var problem = "it does not listen";
        for (var begin = Environment.TickCount64; Environment.TickCount64 - begin < _patience.TotalMilliseconds;)
        {
            try
            {
                var models = await client.GetStringAsync(tags, cancellationToken).ConfigureAwait(false);
                if (models.Contains("bench:latest", StringComparison.Ordinal))
                    return;
                problem = "it does not show the backend's model";
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
            {
                problem = e.Message;
            }
            if ((await proxy.Running!.AskAsync(new PeerCommand(PeerVerb.Sent), cancellationToken).ConfigureAwait(false)).Process == 0)
            {
                problem = "it has ended";
                break;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken).ConfigureAwait(false);
        }

        var last = File.ReadLines(log).LastOrDefault(line => !string.IsNullOrWhiteSpace(line));
        throw new IOException($"{proxy.Name} did not start: {problem}{(last is null ? "" : $" ({last.Trim()})")}");
    }
}
