using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>A node's answer whose head has come. For one reader. Its failures are <see cref="EngineException"/>s, and its time-outs run until it is disposed.</summary>
internal sealed class HttpReply(NodeHttp http, HttpCall call, IPassageAnswer response, CallClock clock) : IAsyncDisposable
{
    private const int MaxErrorBody = 64 << 10;

    // An answer that is over but for its last chunk is worth a moment: the connection can be used again.
    private static readonly TimeSpan _drain = TimeSpan.FromMilliseconds(250);

    private readonly AnswerStream _stream = new(response);
    private LineReader? _lines;
    private SseReader? _events;
    private CancellationTokenSource? _patience;
    private bool _isSound;

    public int Status => response.Status;

    /// <summary>The header <c>Server</c>; empty for none.</summary>
    public string Server => Header("Server") ?? "";

    /// <summary>Whether the body says that it is JSON.</summary>
    public bool IsJson => HttpCall.Json.Equals(MediaType, StringComparison.OrdinalIgnoreCase);

    /// <summary>Since the request was sent.</summary>
    public TimeSpan Elapsed => clock.Elapsed;

    /// <summary>The line or event that was read last; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Current { get; private set; }

    /// <summary>Whether the last event is an error by its field's name.</summary>
    public bool IsError => _events?.IsError ?? false;

    /// <exception cref="EngineException">The status is not a success.</exception>
    public async ValueTask EnsureSuccessAsync()
    {
        if (Status is >= 200 and < 300)
            return;
        var said = ErrorText.None;
        try
        {
            said = ErrorText.Read((await ReadWholeAsync(MaxErrorBody).ConfigureAwait(false)).Span);
            _isSound = true;
        }
        catch (Exception e) when (e is IOException or EngineFailedException)
        {
            // The status says enough.
        }
        catch (Exception e) when (http.Explain(e, clock) is { } explained)
        {
            throw explained;
        }
        var error = NodeErrors.Of(http.Name, call.Model, call.Path, Status, said, RetryAfter());
        http.Note(call, Status, error.Message);
        throw error;
    }

    /// <exception cref="EngineFailedException">The answer is of another type than the API says.</exception>
    public void EnsureType(params ReadOnlySpan<string> types)
    {
        var type = MediaType;
        if (type is not null && !types.Contains(type, StringComparer.OrdinalIgnoreCase))
            throw new EngineFailedException($"node '{http.Name}' answered {call.Path} with {type}, where {types[0]} is right; is it what its configuration says?");
    }

    /// <summary>Reads all of it as JSON.</summary>
    public async ValueTask<T> ReadJsonAsync<T>(Func<JsonElement, T> read)
    {
        EnsureType(HttpCall.Json, HttpCall.Ndjson, "text/json", "text/plain");
        try
        {
            var value = Decode(await ReadWholeAsync(call.Bound).ConfigureAwait(false), read);
            _isSound = true;
            return value;
        }
        catch (Exception e) when (http.Explain(e, clock) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Reads a value out of JSON.</summary>
    /// <exception cref="EngineFailedException">It is no JSON, or not what was expected.</exception>
    public T Decode<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(json.Span.StartsWith(Encoding.UTF8.Preamble) ? json[Encoding.UTF8.Preamble.Length..] : json);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw http.Explain(e, clock) ?? e;
        }
    }

    /// <summary>Reads the next line that is not empty into <see cref="Current"/>.</summary>
    /// <returns>False at the end.</returns>
    public async ValueTask<bool> ReadLineAsync()
    {
        try
        {
            // Lines that are here already are not given to a caller who has left.
            clock.Token.ThrowIfCancellationRequested();
            _lines ??= new LineReader(_stream, call.Bound);
            do
            {
                if (!await _lines.ReadAsync(clock.Token).ConfigureAwait(false))
                    return false;
            }
            while (_lines.Line.IsEmpty);
        }
        catch (Exception e) when (http.Explain(e, clock) is { } explained)
        {
            throw explained;
        }
        clock.Progress();
        Current = _lines.Line;
        return true;
    }

    /// <summary>Reads the next event's data into <see cref="Current"/>.</summary>
    /// <param name="isWhole">Whether the answer is whole already. Then a node that breaks off, or that says nothing for <see cref="StreamSigns.Patience"/>, has come to its end.</param>
    /// <returns>False at the end.</returns>
    public async ValueTask<bool> ReadEventAsync(bool isWhole = false)
    {
        if (!isWhole)
            return await NextEventAsync(clock.Token).ConfigureAwait(false);
        _patience ??= new CancellationTokenSource(StreamSigns.Patience, http.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_patience.Token, clock.Token);
        try
        {
            return await NextEventAsync(both.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!clock.CallerLeft && e is OperationCanceledException or EngineFailedException)
        {
            return false;
        }
    }

    private async ValueTask<bool> NextEventAsync(CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            _events ??= new SseReader(_stream, call.Bound);
            if (!await _events.ReadAsync(cancellationToken).ConfigureAwait(false))
                return false;
        }
        catch (Exception e) when (http.Explain(e, clock) is { } explained)
        {
            throw explained;
        }
        Current = _events.Data;
        return true;
    }

    /// <summary>Tells the time-outs that a token came. Lines are tokens and tell it themselves; an event may be nothing but a greeting, and a comment is a sign of life, not of work.</summary>
    public void Progress() => clock.Progress();

    /// <summary>
    /// Reads away what is left of an answer that is over, so that its connection can be used again; gives up after a moment. What is more than the end of its stream shows a node that does not
    /// keep to its API, and then the connection is closed.
    /// </summary>
    public async ValueTask DrainAsync()
    {
        using var moment = new CancellationTokenSource(_drain, http.Time);
        try
        {
            using var both = CancellationTokenSource.CreateLinkedTokenSource(moment.Token, clock.Token);
            _isSound = _events is not null ? await EndsEventsAsync(_events, both.Token).ConfigureAwait(false)
                : _lines is not null ? await EndsLinesAsync(_lines, both.Token).ConfigureAwait(false)
                : await EndsAsync(both.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or EngineFailedException or LineTooLongException or ObjectDisposedException)
        {
            // Then the connection is closed, which is no loss.
        }
    }

    /// <summary>Closes the connection but where the answer was read to its end and found good: whatever its reader found wrong, and threw, is no reason to trust it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isSound)
            response.Distrust();
        _lines?.Dispose();
        _events?.Dispose();
        _patience?.Dispose();
        await response.DisposeAsync().ConfigureAwait(false);
        clock.Dispose();
    }

    /// <summary>Behind the word for the end nothing follows; before it, only what counts.</summary>
    private async ValueTask<bool> EndsEventsAsync(SseReader events, CancellationToken cancellationToken)
    {
        var isEnded = Current.Span.SequenceEqual("[DONE]"u8);
        for (var bytes = 0; await events.ReadAsync(cancellationToken).ConfigureAwait(false);)
        {
            bytes += events.Data.Length;
            if (isEnded || bytes > MaxErrorBody || events.IsError || StreamSigns.IsErrorData(events.Data.Span))
                return false;
            isEnded = events.Data.Span.SequenceEqual("[DONE]"u8);
        }
        return true;
    }

    private static async ValueTask<bool> EndsLinesAsync(LineReader lines, CancellationToken cancellationToken)
    {
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!lines.Line.IsEmpty)
                return false;
        }
        return true;
    }

    private async ValueTask<bool> EndsAsync(CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1024);
        try
        {
            for (var bytes = 0; bytes < MaxErrorBody;)
            {
                var read = await _stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read == 0)
                    return true;
                bytes += read;
            }
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private string? MediaType => Header("Content-Type")?.Split(';')[0].Trim() is { Length: > 0 } type ? type : null;

    private string? Header(string name)
    {
        foreach (var (other, value) in response.Headers)
        {
            if (other.Equals(name, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        return null;
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadWholeAsync(int bound)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        while (true)
        {
            var read = await _stream.ReadAsync(body.GetMemory(4096), clock.Token).ConfigureAwait(false);
            if (read == 0)
                return body.WrittenMemory;
            clock.Progress();
            body.Advance(read);
            if (body.WrittenCount > bound)
                throw new LineTooLongException(bound);
        }
    }

    private TimeSpan? RetryAfter() => RetryAfterHeader.Read(Header(RetryAfterHeader.Name), http.Time);
}
