using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Chasqui.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Opens the store of sessions at the start, so that what is wrong with it stops the start, forgets now and then the names of those that were deleted long ago, and closes it at the end.</summary>
internal sealed partial class SessionKeeper(GatewayOptions options, TimeProvider time, ILogger<SessionLog> logger) : BackgroundService, IAsyncDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromHours(1);
    private SessionLog? _log;
    private IResponseStore? _responses;

    /// <summary>The sessions, once the gateway has started.</summary>
    public SessionLog Log => _log ?? throw new EngineUnavailableException("the gateway is starting; sessions are there in a moment");

    /// <summary>The responses, in the same store.</summary>
    public IResponseStore Responses => _log is null ? throw new EngineUnavailableException("the gateway is starting; responses are there in a moment") : _responses!;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        ISessionStore store = options.SessionDatabase.Length > 0
            ? await PostgresSessionStore.OpenAsync(
                options.SessionDatabase, time, new PostgresTimes { StartWait = options.Sessions.DatabaseWait }, LogWaits, cancellationToken).ConfigureAwait(false)
            : SqliteSessionStore.Open(Path.Combine(options.Data.Folder, DataFolder.Sessions));
        // Both kinds of store keep both.
        _responses = (IResponseStore)store;
        _log = new SessionLog(store, options.Sessions, time, logger);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _log, null) is { } log)
            await log.DisposeAsync().ConfigureAwait(false);
        Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await Log.ForgetAsync(stoppingToken).ConfigureAwait(false);
                    await Responses.ForgetResponsesAsync(time.GetUtcNow() - Log.Options.ResponseAge, stoppingToken).ConfigureAwait(false);
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Reason}; it is tried again, for as long as Sessions:DatabaseWait says")]
    private partial void LogWaits(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Old responses, and names of deleted sessions, are not forgotten yet: {Reason}")]
    private partial void LogFailed(string reason);
}
