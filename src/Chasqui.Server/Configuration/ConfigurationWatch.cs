using System.Threading.Channels;
using Chasqui.Gateway;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Reads the configuration again when its file changes or when it is asked to, and puts in force what may change while the gateway runs. What is wrong is
/// refused as a whole. The file is watched, and looked at every few seconds too, since not every file system tells of changes.
/// </summary>
internal sealed partial class ConfigurationWatch(
    ConfigurationFile file, LiveGatewaySettings settings, LogThreshold threshold, TimeProvider time, ILogger<ConfigurationWatch> logger) : BackgroundService, IConfigurationReload
{
    /// <summary>How often the file is looked at.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>How long it must have been left alone: editors write in several steps.</summary>
    internal static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(250);

    // One word is enough, however often the file changes.
    private readonly Channel<bool> _asked = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private (DateTime, long) _stamp = FileStamps.Of(file.Path);

    /// <summary>Whether the system is asked to tell of changes. Default true.</summary>
    internal bool Watches { get; init; } = true;

    /// <inheritdoc/>
    public void Request() => _asked.Writer.TryWrite(true);

    /// <summary>Reads the file now.</summary>
    internal void Reload()
    {
        _stamp = FileStamps.Of(file.Path);
        try
        {
            var changed = file.Reread();
            var late = Names(changed.Where(key => !IsLive(key)));
            var live = Names(changed.Where(IsLive));
            if (late.Length > 0)
                LogLate(late);
            if (live.Length > 0)
            {
                settings.Apply(ConfigurationFile.SettingsOf(file.Options));
                threshold.Level = file.Options.Telemetry.LogLevel;
                LogReloaded(live);
            }
        }
        catch (ConfigurationException e)
        {
            LogRefused(e.Message);
        }
        catch (Exception e)
        {
            // What leaves here would end the process; what held before still holds.
            LogListeners(e);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var watcher = Watch();
        using var timer = time.CreateBackgroundTimer("configuration: look at the file", static watch => watch.Look(), this, Interval, Interval);
        while (await _asked.Reader.WaitToReadAsync(stoppingToken).ConfigureAwait(false))
        {
            while (_asked.Reader.TryRead(out _))
                await Task.Delay(Quiet, time, stoppingToken).ConfigureAwait(false);
            Reload();
        }
    }

    private static string Names(IEnumerable<string> keys) => string.Join(", ", keys.Order(StringComparer.Ordinal));

    private static bool IsLive(string name) =>
        ConfigurationTable.All.Any(table => table.Name == name) || ConfigurationKey.All.Any(key => key.Name == name && key.Reloads);

    private FileSystemWatcher? Watch()
    {
        if (!Watches)
            return null;
        try
        {
            var watcher = new FileSystemWatcher(Path.GetDirectoryName(file.Path)!, Path.GetFileName(file.Path));
            watcher.Changed += (_, _) => Request();
            watcher.Created += (_, _) => Request();
            watcher.Renamed += (_, _) => Request();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or PlatformNotSupportedException)
        {
            // No folder, or no watch to be had of the system: looking is enough.
            return null;
        }
    }

    private void Look()
    {
        if (FileStamps.Of(file.Path) != _stamp)
            Request();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the configuration was read again; new are {Keys}")]
    private partial void LogReloaded(string keys);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the configuration was changed and is refused, what held before still holds: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the configuration was read again; what it says of {Keys} takes effect after a restart")]
    private partial void LogLate(string keys);

    [LoggerMessage(Level = LogLevel.Error, Message = "the new configuration holds, but a part of the gateway could not follow it")]
    private partial void LogListeners(Exception exception);
}

/// <summary>Has the configuration read again. Thread-safe.</summary>
public interface IConfigurationReload
{
    /// <summary>Asks for it; it happens soon after, once for any number of requests at a time.</summary>
    void Request();
}
