using System.Buffers;
using System.Globalization;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary>
/// <c>GET /api/sessions/ID/events</c>: each change as a server-sent event with its version as <c>id</c> and its kind as <c>event</c>, so that a browser that comes back
/// says by itself with <c>Last-Event-ID</c> what it knows already. Ends when the session is deleted, or its key
/// is not taken any more or does not reach so far.
/// </summary>
internal static class SessionEventStream
{
    private static readonly byte[] _lagged = ": too slow for what came; the rest is read from the store\n\n"u8.ToArray();
    private static readonly byte[] _waiting = ": waiting\n\n"u8.ToArray();

    public static async Task RunAsync(ApiContext api, HttpContext http, SessionLog log, SessionKey key)
    {
        var after = http.Request.Headers["Last-Event-ID"] is [{ Length: > 0 } last]
            ? long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version
                : throw new InvalidRequestException($"header Last-Event-ID is \"{RequestEntry.Printable(last)}\", but must be the number of a version, such as 7")
            : SessionRequests.Number(http.Request, "after", 0, 0, long.MaxValue);
        // One that does not exist is told at once, but that it was deleted is news for whoever knew it.
        if ((await log.ReadAsync(key, after, 1, 1, http.RequestAborted).ConfigureAwait(false)).Count == 0)
            _ = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        var caller = CallerGate.Caller;
        http.RequestServices.GetRequiredService<CallerLoads>().BecomeSubscription(RequestState.Of(http), caller);
        var sessions = http.RequestServices.GetRequiredService<CallerSessions>();
        // It ends too when the gateway stops.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, sessions.Of(caller, Scopes.Infer));
        http.Response.ContentType = Sse.ContentType;
        http.Response.Headers.CacheControl = "no-cache";
        await WriteAsync(http, _waiting).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(512);
        var changes = log.FollowAsync(key, after, stopping.Token).GetAsyncEnumerator(stopping.Token);
        await using (changes.ConfigureAwait(false))
        {
            try
            {
                while (await NextAsync(api, http, changes, stopping.Token).ConfigureAwait(false))
                {
                    if (changes.Current.Lagged)
                        await WriteAsync(http, _lagged).ConfigureAwait(false);
                    Event(buffer, changes.Current.Change);
                    await WriteAsync(http, buffer.WrittenMemory).ConfigureAwait(false);
                    buffer.ResetWrittenCount();
                }
            }
            catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
            {
                // The stream ends in order. Where the gateway stops, the client comes back with what it knows; with a key that is not taken any more it is told so then.
                if (!api.Lifetime.ApplicationStopping.IsCancellationRequested)
                    await WriteAsync(http, Encoding.UTF8.GetBytes($": {sessions.Ended(caller, Scopes.Infer).Message}\n\n")).ConfigureAwait(false);
                return;
            }
        }
    }

    /// <summary>Waits for the next change, and lets the client hear now and then that nothing has happened.</summary>
    private static async ValueTask<bool> NextAsync(ApiContext api, HttpContext http, IAsyncEnumerator<FollowedChange> changes, CancellationToken cancellationToken)
    {
        var next = changes.MoveNextAsync();
        if (next.IsCompleted)
            return await next.ConfigureAwait(false);
        var waiting = next.AsTask();
        using var timer = new PeriodicTimer(api.KeepAliveInterval, api.Time);
        try
        {
            var tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
            while (await Task.WhenAny(waiting, tick).ConfigureAwait(false) == tick)
            {
                await tick.ConfigureAwait(false);
                await WriteAsync(http, _waiting).ConfigureAwait(false);
                tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
            }
        }
        catch
        {
            // An enumerator may not be disposed while it moves.
            await ((Task)waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        return await waiting.ConfigureAwait(false);
    }

    private static void Event(ArrayBufferWriter<byte> buffer, SessionChange change)
    {
        var head = string.Create(CultureInfo.InvariantCulture, $"id: {change.Version}\nevent: {SessionJson.NameOf(change.Kind)}\ndata: ");
        Encoding.UTF8.GetBytes(head, buffer);
        buffer.Write(SessionJson.BytesOf(change).Span);
        buffer.Write("\n\n"u8);
    }

    private static async ValueTask WriteAsync(HttpContext http, ReadOnlyMemory<byte> bytes)
    {
        var flushed = await http.Response.BodyWriter.WriteAsync(bytes, http.RequestAborted).ConfigureAwait(false);
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }
}
