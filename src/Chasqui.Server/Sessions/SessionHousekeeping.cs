using Chasqui.Gateway.Sessions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Opens the store at the start, so that what is wrong with it stops the start, and forgets now and then the names of sessions that were deleted long ago.</summary>
internal sealed partial class SessionHousekeeping(SessionLog log, TimeProvider time, ILogger<SessionHousekeeping> logger) : BackgroundService
{
    private static readonly TimeSpan _interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await log.ForgetAsync(stoppingToken).ConfigureAwait(false);
                }
                catch (SessionStoreException e)
                {
                    LogFailed(e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
            return;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Names of deleted sessions are not forgotten yet: {Reason}")]
    private partial void LogFailed(string reason);
}
