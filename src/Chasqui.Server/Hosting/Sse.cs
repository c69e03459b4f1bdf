using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// An answer as server-sent events. What is put together between two calls of <see cref="SendAsync"/> leaves as one HTTP chunk,
/// flushed at once; flushing waits while the client reads slower than the model writes, and the engine waits with it.
/// </summary>
/// <remarks>
/// For one writer. One that is made by <see cref="Open"/> also keeps the connection alive: when an interval has passed without an event, a model that
/// loads for one, the head of the answer goes out, status 200, and a comment after each such interval, so that no proxy in between gives up. An
/// error after that is told in the stream.
/// </remarks>
internal sealed class Sse(HttpContext http) : IAsyncDisposable
{
    public const string ContentType = "text/event-stream";

    private static readonly byte[] _waiting = ": waiting\n\n"u8.ToArray();

    // Put together here because the server would begin another chunk wherever one of its own buffers ends.
    private readonly ArrayBufferWriter<byte> _events = new(512);
    private readonly SemaphoreSlim _turn = new(1);
    private PeriodicTimer? _timer;
    private Task _keptAlive = Task.CompletedTask;
    private byte[] _sign = _waiting;
    private volatile bool _spoke;

    /// <summary>Whether anything has been put together that has not been sent.</summary>
    public bool IsEmpty => _events.WrittenCount == 0;

    /// <summary>A stream that is kept alive until it is disposed, which must be before the request ends.</summary>
    /// <param name="api">Has the interval.</param>
    /// <param name="http">The request.</param>
    /// <param name="waiting">What is sent while nothing is said, a whole event; null for a comment.</param>
    public static Sse Open(ApiContext api, HttpContext http, byte[]? waiting = null)
    {
        var events = new Sse(http) { _timer = new PeriodicTimer(api.KeepAliveInterval, api.Time), _sign = waiting ?? _waiting };
        events._keptAlive = events.KeepAliveAsync(events._timer);
        return events;
    }

    /// <summary>Begins an event without a name; its data is one JSON value.</summary>
    public JsonText Begin()
    {
        _events.Write("data: "u8);
        return new JsonText(_events);
    }

    /// <summary>Begins an event with a name that holds no line break; its data is one JSON value.</summary>
    public JsonText Begin(ReadOnlySpan<byte> name)
    {
        _events.Write("event: "u8);
        _events.Write(name);
        _events.Write("\n"u8);
        return Begin();
    }

    /// <summary>Ends the event.</summary>
    public void End() => _events.Write("\n\n"u8);

    /// <summary>Adds a whole event without a name, whose data is a text of one line.</summary>
    public void Add(ReadOnlySpan<byte> data)
    {
        _events.Write("data: "u8);
        _events.Write(data);
        End();
    }

    /// <summary>Sends what has been put together. To be called once the engine has said something: an error before that still has a status of its own.</summary>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public async ValueTask SendAsync()
    {
        _spoke = true;
        await WriteAsync(_events.WrittenMemory).ConfigureAwait(false);
        _events.ResetWrittenCount();
    }

    /// <summary>Ends the comments. When it returns, nobody but the caller writes to the answer any more.</summary>
    public async ValueTask DisposeAsync()
    {
        _timer?.Dispose();
        await _keptAlive.ConfigureAwait(false);
        _turn.Dispose();
    }

    private async Task KeepAliveAsync(PeriodicTimer timer)
    {
        try
        {
            while (await timer.WaitForNextTickAsync(http.RequestAborted).ConfigureAwait(false))
            {
                if (!_spoke)
                {
                    RequestState.Of(http).HasSaidNothing = true;
                    await WriteAsync(_sign).ConfigureAwait(false);
                }
                _spoke = false;
            }
        }
        catch (OperationCanceledException)
        {
            // The client has left; whoever waits for the engine is told by the same token.
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        await _turn.WaitAsync(http.RequestAborted).ConfigureAwait(false);
        try
        {
            if (!http.Response.HasStarted)
                http.Response.ContentType = ContentType;
            var flushed = await http.Response.BodyWriter.WriteAsync(bytes, http.RequestAborted).ConfigureAwait(false);
            if (flushed.IsCompleted || flushed.IsCanceled)
                throw new OperationCanceledException("the client has left", http.RequestAborted);
        }
        finally
        {
            _turn.Release();
        }
    }
}
