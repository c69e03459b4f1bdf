using System.Globalization;
using System.Text;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Bounds the connections of HTTP, WebSockets too. One that is too many is answered with 503 or 429 before anything is read of it, and closed; where many are too many at once, some are
/// closed without a word. Thread-safe.
/// </summary>
internal sealed partial class HttpAdmission(ConnectionQuota quota, TimeProvider time, ILogger<HttpAdmission> logger)
{
    private readonly TurnedAway _turnedAway = new(time);
    private int _isFull;

    /// <summary>Takes a place for a connection, and gives it back when that is over.</summary>
    public async Task AdmitAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var from = ConnectionQuota.AddressOf(connection);
        if (quota.TryEnter(from) is { } reason)
        {
            if (Interlocked.Exchange(ref _isFull, 1) == 0)
                LogFull(RefusalCounts.NameOf(reason), quota.Count);
            await _turnedAway.CloseAsync(connection, Answer(reason)).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            quota.Leave(from);
            Volatile.Write(ref _isFull, 0);
        }
    }

    /// <summary>The path is not read, so the form is the one that most clients can show.</summary>
    private static byte[] Answer(RefusalReason reason)
    {
        var (status, text) = reason == RefusalReason.Connections
            ? ("503 Service Unavailable", "there are as many connections as the gateway takes (Http:MaxConnections); try again in 1 s")
            : ("429 Too Many Requests", "there are as many connections from your address as it may have (Limits:ConnectionsPerAddress); use those again, or try again in 1 s");
        var body = $"{{\"error\":\"{text}\"}}";
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status}\r\nContent-Type: {JsonResponse.ContentType}\r\nContent-Length: {body.Length}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{body}"));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of HTTP is turned away ({Reason}); {Connections} are open")]
    private partial void LogFull(string reason, int connections);
}
