using System.Diagnostics;
using System.Text.Json;

namespace Chasqui.Bench.Wire;

/// <summary>A client or server process that is measured. It ends with this one: its standard input closes.</summary>
internal sealed class PeerProcess : IDisposable
{
    private const string Program = "chasqui-bench-peers.dll";

    private readonly Process _process;
    private readonly string _name;

    private PeerProcess(Process process, string name)
    {
        _process = process;
        _name = name;
    }

    /// <summary>The system's name for it.</summary>
    public int Id => _process.Id;

    /// <summary>Processor time it has used.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory that it holds.</summary>
    public long Resident
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public static PeerProcess Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Runtime()) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        // Set for this program by itself; the peers begin with the runtime's defaults.
        start.Environment.Remove("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS");
        start.ArgumentList.Add(Find());
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return new PeerProcess(Process.Start(start)!, string.Join(' ', arguments.Take(2)));
    }

    public async Task<PeerAnswer> AskAsync(PeerCommand command, CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(
            JsonSerializer.Serialize(command, PeerJson.Default.PeerCommand).AsMemory(), cancellationToken).ConfigureAwait(false);
        await _process.StandardInput.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task<PeerAnswer> ReadAsync(CancellationToken cancellationToken)
    {
        var line = await _process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false);
        var answer = line is null
            ? new PeerAnswer { Error = "the process has ended" }
            : JsonSerializer.Deserialize(line, PeerJson.Default.PeerAnswer)!;
        if (answer.Error is null)
            return answer;
        // Ctrl-C reaches all processes of a terminal; then it is no failure.
        await Task.Delay(TimeSpan.FromMilliseconds(300), cancellationToken).ConfigureAwait(false);
        throw new IOException($"bench {_name}: {answer.Error}");
    }

    public void Dispose()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
            return;
        }
        finally
        {
            _process.Dispose();
        }
    }

    // The peers are built beside the product, not into it.
    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        string[] places =
        [
            Path.Combine(folder.FullName, Program),
            Path.Combine(folder.Parent?.Parent?.FullName ?? "", "Chasqui.Bench.Peers", folder.Name, Program),
        ];
        return places.FirstOrDefault(File.Exists) ?? throw new IOException(
            $"{Program} is missing: this scenario runs from a checkout, with ./run bench (or after dotnet build bench/Chasqui.Bench.Peers -c Release)");
    }

    // The one this process runs on, wherever it is installed.
    internal static string Runtime()
    {
        var root = new DirectoryInfo(Path.GetDirectoryName(typeof(object).Assembly.Location)!).Parent?.Parent?.Parent?.FullName ?? "";
        var dotnet = Path.Combine(root, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        return File.Exists(dotnet) ? dotnet : "dotnet";
    }
}
