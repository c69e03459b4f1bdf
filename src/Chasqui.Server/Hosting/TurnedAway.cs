using Microsoft.AspNetCore.Connections;

namespace Chasqui.Server;

/// <summary>Tells connections for which there is no place why, and closes them; where many come at once, some are closed without a word. Thread-safe.</summary>
internal sealed class TurnedAway(TimeProvider time)
{
    private const int ToldAtOnce = 64;

    // For what the client has sent already: closing over unread bytes would cost it the answer.
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(1);

    private int _telling;

    /// <summary>Tells and closes.</summary>
    /// <param name="connection">Of which nothing was read.</param>
    /// <param name="told">What it is told; null for nothing.</param>
    public async Task CloseAsync(ConnectionContext connection, byte[]? told)
    {
        try
        {
            if (Interlocked.Increment(ref _telling) <= ToldAtOnce && told is not null)
                await TellAsync(connection, told).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException or System.Net.Sockets.SocketException)
        {
            // It is gone.
        }
        finally
        {
            Interlocked.Decrement(ref _telling);
            connection.Abort();
        }
    }

    private async Task TellAsync(ConnectionContext connection, byte[] told)
    {
        using var patience = new CancellationTokenSource(_farewell, time);
        var (input, output) = (connection.Transport.Input, connection.Transport.Output);
        await output.WriteAsync(told, patience.Token).ConfigureAwait(false);
        await output.CompleteAsync().ConfigureAwait(false);
        while (await input.ReadAsync(patience.Token).ConfigureAwait(false) is { IsCompleted: false, IsCanceled: false } read)
            input.AdvanceTo(read.Buffer.End);
    }
}
