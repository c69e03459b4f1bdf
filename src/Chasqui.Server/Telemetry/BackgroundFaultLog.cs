using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Writes what background work reports to the log. The gateway goes on.</summary>
internal sealed partial class BackgroundFaultLog(ILogger<BackgroundFaultLog> logger) : IHostedService, IDisposable
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        BackgroundFaults.Reported += LogFault;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => BackgroundFaults.Reported -= LogFault;

    [LoggerMessage(Level = LogLevel.Error, Message = "background work failed and goes on: {Work}")]
    private partial void LogFault(string work, Exception exception);
}
