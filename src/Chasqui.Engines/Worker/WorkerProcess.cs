using System.ComponentModel;
using System.Diagnostics;
using Chasqui.Client;
using Chasqui.Engines.Remote;
using Chasqui.Protocol;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Worker;

/// <summary>One worker process from its start to its end.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private const int MaxMessage = 256 << 20;

    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly DirectoryInfo _folder;
    private readonly WorkerOptions _options;
    private readonly TimeProvider _time;
    private readonly ChasquiClient _client;

    private WorkerProcess(Process process, DirectoryInfo folder, WorkerOptions options, TimeProvider time)
    {
        (_process, _folder, _options, _time) = (process, folder, options, time);
        _client = new ChasquiClient(new ChasquiClientOptions
        {
            Endpoint = "unix:" + SocketOf(folder),
            // Who waits for the worker waits in the engine, which knows whether it still lives.
            ConnectAttempts = 1,
            MinBackoff = TimeSpan.FromMilliseconds(1),
            MaxBackoff = TimeSpan.FromMilliseconds(20),
            MaxMessageBytes = MaxMessage,
            Settings = new Settings { Name = "chasqui-gateway", MaxStreams = 0 },
        });
        Engine = new RemoteEngine(_client, "worker");
        Id = process.Id;
        Exited = ExitAsync();
    }

    /// <summary>The engine inside.</summary>
    internal RemoteEngine Engine { get; }

    internal int Id { get; }

    /// <summary>Completes when the process is over, with what it ended by, for people.</summary>
    internal Task<string> Exited { get; }

    /// <exception cref="EngineUnavailableException">The program cannot be started.</exception>
    internal static WorkerProcess Start(WorkerOptions options, TimeProvider time, ILogger logger)
    {
        // Only this user may enter the folder, so nobody else reaches the socket.
        var folder = Directory.CreateTempSubdirectory("chasqui-");
        var start = new ProcessStartInfo(options.FileName)
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            // The worker ends when its input does, so it cannot outlive this process, however that ends.
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No chasqui.json is read from here.
            WorkingDirectory = folder.FullName,
        };
        foreach (var argument in options.Arguments)
            start.ArgumentList.Add(argument);
        start.ArgumentList.Add("engine");
        start.ArgumentList.Add("--listen");
        start.ArgumentList.Add("unix:" + SocketOf(folder));
        start.ArgumentList.Add("--until-input-ends");
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("CHASQUI__", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in options.Environment)
            start.Environment[name] = value;
        try
        {
            var process = Process.Start(start) ?? throw new InvalidOperationException("no process was started");
            process.OutputDataReceived += (_, line) => WorkerLog.Forward(logger, line.Data);
            process.ErrorDataReceived += (_, line) => WorkerLog.Forward(logger, line.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return new WorkerProcess(process, folder, options, time);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException)
        {
            folder.Delete(recursive: true);
            throw new EngineUnavailableException($"the engine's worker process cannot be started: {e.Message}", e);
        }
    }

    /// <summary>Waits until it answers.</summary>
    /// <exception cref="EngineUnavailableException">It ended, or did not answer in time.</exception>
    internal async Task ReadyAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            if (Exited.IsCompleted)
                throw new EngineUnavailableException($"the engine's worker process ended at its start: {await Exited.ConfigureAwait(false)}");
            try
            {
                await _client.ConnectAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (ClientException e)
            {
                if (_time.GetElapsedTime(began) > _options.StartTimeout)
                    throw new EngineUnavailableException($"the engine's worker process did not answer within {_options.StartTimeout.TotalSeconds:0.#} s", e);
            }

            await Task.Delay(_poll, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells it to end, and kills it when it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync().ConfigureAwait(false);
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }

        try
        {
            await Exited.WaitAsync(_options.StopTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
            await Exited.ConfigureAwait(false);
        }

        _process.Dispose();
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A temporary folder that stays harms nobody.
        }
    }

    private static string SocketOf(DirectoryInfo folder) => Path.Combine(folder.FullName, "engine.sock");

    private async Task<string> ExitAsync()
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // The runtime tells a signal as 128 and its number.
        return _process.ExitCode > 128 ? $"killed by signal {_process.ExitCode - 128}" : $"exit code {_process.ExitCode}";
    }
}
