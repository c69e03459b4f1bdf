using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Http1;

/// <summary>
/// Asks a node over HTTP/1.1: passes requests on as they are, and carries those that are translated. Own code, not <c>HttpClient</c>: an answer's bytes are handed over in the buffer that the
/// socket filled, a request costs one call of the kernel to look, one to send and one to receive, and one rule says when a request may be sent a second time. Thread-safe.
/// </summary>
/// <remarks>
/// The rule: a connection that rested is looked at before it is used. Where it ends all the same without a byte of an answer, within a second of the sending, the node had closed it while the
/// request was on its way: the request is sent once more, on a new connection, and that is counted. Whatever else goes wrong is told to the caller.
/// </remarks>
public sealed class Http1Passage : IHttpPassage, IAsyncDisposable, IDisposable
{
    // Longer than a packet takes to any node, and shorter than most of what a node computes.
    private static readonly TimeSpan _atOnce = TimeSpan.FromSeconds(1);

    private readonly Http1Options _options;
    private readonly Http1Pool _pool;
    private readonly Http1RequestWriter _writer;

    /// <summary>Makes a passage; nothing is connected yet.</summary>
    /// <exception cref="ArgumentException">The key has a character that a header cannot have.</exception>
    public Http1Passage(Http1Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _writer = new Http1RequestWriter(options);
        _pool = new Http1Pool(options);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return await SendAsync(request, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a request whose body may be a stream.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<Http1Answer> SendAsync(PassageRequest request, UploadContent? upload, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var again = false;
        // A stream cannot be sent a second time.
        if (upload is null && _pool.TryTake() is { } reused)
        {
            if (await TryAsync(reused, isReused: true, request, null, cancellationToken).ConfigureAwait(false) is { } answer)
                return answer;
            again = true;
            _options.SentAgain?.Invoke();
        }
        Http1Connection connection;
        try
        {
            connection = await _pool.DialAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (EngineUnavailableException e) when (again)
        {
            // The first sending may have been processed.
            throw new EngineFailedException($"node '{_pool.Name}' closed the connection without an answer, and cannot be reached again: {e.Message}", e);
        }
        return (await TryAsync(connection, isReused: false, request, upload, cancellationToken).ConfigureAwait(false))!;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose() => _pool.Dispose();

    /// <returns>Null where the request may be sent once more.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Http1Answer?> TryAsync(Http1Connection connection, bool isReused, PassageRequest request, UploadContent? upload, CancellationToken cancellationToken)
    {
        // Cheaper than a token for each read: a caller that cancels closes the socket, and the node notices at once.
        var abort = cancellationToken.UnsafeRegister(static c => ((Http1Connection)c!).Abort(), connection);
        var sent = _options.Time.GetTimestamp();
        try
        {
            if (await Http1Exchange.RunAsync(connection, _writer, request, upload, cancellationToken).ConfigureAwait(false) is { } head)
                return new Http1Answer(_pool, connection, head, abort, cancellationToken);
            if (!isReused || _options.Time.GetElapsedTime(sent) > _atOnce)
                throw new EngineFailedException($"node '{_pool.Name}' closed the connection without an answer");
        }
        catch (Exception e)
        {
            // A byte of an answer is one that was taken, too.
            var nothing = !connection.HasReceived;
            await abort.DisposeAsync().ConfigureAwait(false);
            connection.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            if (e is FormatException)
                throw new EngineFailedException($"node '{_pool.Name}' sent what is no HTTP: {e.Message}", e);
            if (e is not (SocketException or IOException or ObjectDisposedException))
                throw;
            return isReused && nothing && _options.Time.GetElapsedTime(sent) <= _atOnce
                ? null
                : throw new EngineFailedException($"node '{_pool.Name}' broke the connection off before its answer: {e.Message}", e);
        }
        await abort.DisposeAsync().ConfigureAwait(false);
        connection.Dispose();
        return null;
    }
}
