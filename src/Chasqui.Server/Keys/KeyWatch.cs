using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Follows the file of keys while the gateway runs. It is looked at twice a second, which costs nothing and works on every file system; what cannot be read changes nothing.
/// </summary>
internal sealed partial class KeyWatch(KeyFile file, KeyRing keys, CallerSessions sessions, TrafficShaper shaper, TimeProvider time, ILogger<KeyWatch> logger) : IHostedService, IDisposable
{
    /// <summary>How often it is looked at.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _looking = new();
    private (DateTime, long) _stamp = FileStamps.Of(file.Path);
    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateBackgroundTimer("keys: look at the file", static watch => watch.Look(), this, Interval, Interval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _timer?.Dispose();

    /// <summary>Looks whether the file is another one, and ends the connections of keys that are not taken any more.</summary>
    internal void Look()
    {
        lock (_looking)
        {
            Reread();
            sessions.Sweep();
        }
    }

    private void Reread()
    {
        try
        {
            var stamp = FileStamps.Of(file.Path);
            if (stamp == _stamp)
                return;
            _stamp = stamp;
            if (stamp == default && !Directory.Exists(file.Path))
            {
                // More likely a mishap than a wish: whoever wants no keys removes them one by one.
                LogGone(file.Path);
                return;
            }
            var read = file.Read();
            keys.Replace(read);
            shaper.Retain(id => read.Any(key => key.Id == id));
            LogRead(read.Count);
        }
        catch (KeyFileException e)
        {
            LogRefused(e.Message);
        }
        catch (Exception e)
        {
            // A file that breaks the reader changes nothing either.
            LogFailed(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the keys were read again; there are {Count}")]
    private partial void LogRead(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} is gone; the keys that were in it still hold until a restart")]
    private partial void LogGone(string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the keys were changed and are refused, those that held before still hold: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "the keys could not be read again, those that held before still hold")]
    private partial void LogFailed(Exception exception);
}
