using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

[assembly: AssemblyFixture(typeof(Chasqui.Storage.Tests.PostgresServer))]

namespace Chasqui.Storage.Tests;

/// <summary>A real PostgreSQL of the tests' own, in a folder of its own, where its programs are installed.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private const string User = "chasqui";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("chasqui-postgres-");
    private Process? _server;
    private int _port;
    private int _databases;

    /// <summary>Why there is none; null where it runs.</summary>
    public string? Missing { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (Find("initdb") is not { } init || Find("postgres") is not { } server)
        {
            Missing = "initdb and postgres are neither on the PATH nor in /usr/lib/postgresql";
            return;
        }
        if (Environment.UserName == "root" && !await RunAsync("chown", "postgres", _folder.FullName))
        {
            Missing = "PostgreSQL does not run as root, and there is no user postgres";
            return;
        }
        var data = Path.Combine(_folder.FullName, "data");
        if (!await RunAsync([.. AsUser(), init, "-D", data, "-U", User, "-A", "trust", "-E", "UTF8", "--no-sync"]))
        {
            Missing = "initdb failed";
            return;
        }
        _port = FreePort();
        await StartAsync(server, data);
    }

    /// <summary>How to reach a new, empty database.</summary>
    public async Task<string> NewDatabaseAsync()
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        var name = FormattableString.Invariant($"d{Interlocked.Increment(ref _databases)}");
        await using var source = NpgsqlDataSource.Create(To("postgres"));
        await using var command = source.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return To(name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is { HasExited: false })
        {
            _server.Kill(entireProcessTree: true);
            await _server.WaitForExitAsync();
        }
        _server?.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task StartAsync(string server, string data)
    {
        string[] command = [.. AsUser(), server, "-D", data, "-p", _port.ToString(CultureInfo.InvariantCulture), "-k", _folder.FullName, "-c", "listen_addresses=127.0.0.1"];
        _server = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _server.BeginErrorReadLine();
        _server.BeginOutputReadLine();
        await using var source = NpgsqlDataSource.Create(To("postgres"));
        for (var until = Stopwatch.StartNew(); ;)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync();
                return;
            }
            catch (NpgsqlException) when (until.Elapsed < TimeSpan.FromSeconds(30) && !_server.HasExited)
            {
                // It is still starting.
                await Task.Yield();
            }
        }
    }

    private string To(string database) => FormattableString.Invariant($"Host=127.0.0.1;Port={_port};Username={User};Database={database};Pooling=true");

    private static string[] AsUser() => Environment.UserName == "root" ? ["runuser", "-u", "postgres", "--"] : [];

    private static string? Find(string program)
    {
        var places = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).ToList();
        if (Directory.Exists("/usr/lib/postgresql"))
            places.InsertRange(0, Directory.EnumerateDirectories("/usr/lib/postgresql").OrderDescending(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin")));
        return places.Select(place => Path.Combine(place, program)).FirstOrDefault(File.Exists);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<bool> RunAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" })!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }
}
