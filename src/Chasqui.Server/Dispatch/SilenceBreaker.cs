using Chasqui.Gateway.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// Begins a streamed answer before its node does, when a load takes long: headers, and then something that is valid in the stream and says nothing, so that proxies
/// in between do not give up. Afterwards errors can be told in the stream only.
/// </summary>
/// <param name="http">The client.</param>
/// <param name="contentType">Of the stream.</param>
/// <param name="nothing">What is valid and says nothing.</param>
/// <param name="interval">How often.</param>
/// <param name="place">What tells the client its place in line; null where it does not want to know, or the stream has no words for it.</param>
internal sealed class SilenceBreaker(HttpContext http, string contentType, Func<byte[]> nothing, TimeSpan interval, Func<QueuePlace, byte[]>? place = null) : ISilence, IDisposable
{
    private readonly SemaphoreSlim _writing = new(1, 1);
    private TimeSpan _next = TimeSpan.Zero;
    private TimeSpan _last = TimeSpan.Zero;
    private int _ended;

    public void Waits(QueuePlace at)
    {
        if (place is null)
            Elapsed(at.Waited);
        else if (Volatile.Read(ref _ended) == 0 && _writing.Wait(0, CancellationToken.None))
            _ = SayAsync(place(at));
    }

    public void Elapsed(TimeSpan since)
    {
        // It waits for something else now: first it was in line, then its node is silent.
        if (since < _last)
            _next = TimeSpan.Zero;
        _last = since;
        if (since < interval || since < _next || Volatile.Read(ref _ended) == 1 || !_writing.Wait(0, CancellationToken.None))
            return;
        _next = since + interval;
        _ = SayAsync(nothing());
    }

    /// <summary>The node says that it lives, which is a sign of life for the client too.</summary>
    /// <param name="comment">What it says.</param>
    public void Heard(byte[] comment)
    {
        if (Volatile.Read(ref _ended) == 0 && _writing.Wait(0, CancellationToken.None))
            _ = SayAsync(comment);
    }

    /// <summary>The answer itself comes now.</summary>
    /// <returns>Whether its headers have been sent already.</returns>
    public async ValueTask<bool> EndAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
            await _writing.WaitAsync().ConfigureAwait(false);
        return http.Response.HasStarted;
    }

    public void Dispose()
    {
        // The one who writes still holds it, and finds that there is nothing more to say.
        Volatile.Write(ref _ended, 1);
    }

    private async Task SayAsync(byte[] said)
    {
        try
        {
            if (Volatile.Read(ref _ended) == 1)
                return;
            if (!http.Response.HasStarted)
                http.Response.ContentType = contentType;
            RequestState.Of(http).HasSaidNothing = true;
            await http.Response.BodyWriter.WriteAsync(said, http.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException or ObjectDisposedException)
        {
            // The client has left; whoever waits for the node is told by its token.
        }
        finally
        {
            _writing.Release();
        }
    }
}
