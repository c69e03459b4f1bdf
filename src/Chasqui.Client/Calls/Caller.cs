using System.Globalization;
using System.Runtime.CompilerServices;
using Chasqui.Protocol.Headers;
using Chasqui.Protocol.Messages;
using Chasqui.Transport;
using Google.Protobuf;

namespace Chasqui.Client;

/// <summary>Sends requests and reads their answers.</summary>
internal sealed class Caller(ConnectionPool pool, ChasquiClientOptions options, TimeProvider time)
{
    private const int UploadMessage = 32 << 10;

    private readonly Backoff _backoff = new(options.MinBackoff, options.MaxBackoff);

    /// <summary>One message each way.</summary>
    internal async Task<T> UnaryAsync<T>(string operation, IMessage request, MessageParser<T> parser, CallOptions? call, CancellationToken cancellationToken)
        where T : IMessage<T>
    {
        call ??= CallOptions.Default;
        var headers = Headers(operation, call);
        var body = request.ToByteArray();
        using var scope = Scope(call, cancellationToken);
        for (var failures = 0; ; failures++)
        {
            try
            {
                var connection = await pool.RentAsync(scope.Token).ConfigureAwait(false);
                using var reply = await connection.CallAsync(headers, body, call.Priority, scope.Token).ConfigureAwait(false);
                ThrowIfError(reply.Headers, reply.Body.Span);
                return parser.ParseFrom(reply.Body.Span);
            }
            catch (Exception e) when (IsAgain(e, failures, scope))
            {
                // Sent again after a pause.
            }
            catch (Exception e) when (scope.Translate(e) is { } better)
            {
                throw better;
            }

            await PauseAsync(failures, scope).ConfigureAwait(false);
        }
    }

    /// <summary>One message there, any number back.</summary>
    internal async IAsyncEnumerable<T> StreamAsync<T>(
        string operation, IMessage request, MessageParser<T> parser, CallOptions? call, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : IMessage<T>
    {
        call ??= CallOptions.Default;
        using var scope = Scope(call, cancellationToken);
        var (stream, headers) = await StartAsync(Headers(operation, call), request.ToByteArray(), call, scope).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            while (await NextAsync(stream, headers, parser, scope).ConfigureAwait(false) is { } message)
                yield return message;
        }
    }

    /// <summary>Opens a stream and waits for the head of its answer.</summary>
    internal async Task<(OutgoingCall Stream, HeaderList Answer)> StartAsync(HeaderList headers, byte[] body, CallOptions call, CallScope scope)
    {
        for (var failures = 0; ; failures++)
        {
            OutgoingCall? stream = null;
            try
            {
                var connection = await pool.RentAsync(scope.Token).ConfigureAwait(false);
                stream = await connection.StartAsync(headers, body, end: true, call.Priority, scope.Token).ConfigureAwait(false);
                return (stream, await stream.GetResponseAsync(scope.Token).ConfigureAwait(false));
            }
            catch (Exception e)
            {
                if (stream is not null)
                    await stream.DisposeAsync().ConfigureAwait(false);
                if (!IsAgain(e, failures, scope))
                {
                    if (scope.Translate(e) is { } better)
                        throw better;
                    throw;
                }
            }

            await PauseAsync(failures, scope).ConfigureAwait(false);
        }
    }

    /// <summary>Opens a stream, sends a body as it is read, and waits for the head of the answer, which may come before the body's end.</summary>
    internal async Task<(OutgoingCall Stream, HeaderList Answer)> UploadAsync(HeaderList headers, Stream body, CallOptions call, CallScope scope)
    {
        OutgoingCall? stream = null;
        try
        {
            var connection = await pool.RentAsync(scope.Token).ConfigureAwait(false);
            stream = await connection.StartAsync(headers, ReadOnlyMemory<byte>.Empty, end: false, call.Priority, scope.Token).ConfigureAwait(false);
            using var answered = CancellationTokenSource.CreateLinkedTokenSource(scope.Token);
            var answer = stream.GetResponseAsync(scope.Token).AsTask();
            var reading = new SemaphoreSlim(1, 1);
            var sending = SendAsync(stream, body, reading, answered.Token);
            _ = sending.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            if (await Task.WhenAny(answer, sending).ConfigureAwait(false) == answer)
            {
                // The body is read no further. A message that is under way is not withdrawn, which would reset the stream and the answer with it: the peer says when it wants no more.
                await answered.CancelAsync().ConfigureAwait(false);
                await reading.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            }
            else if (sending.IsFaulted && !answer.IsCompleted && sending.Exception.InnerException is IOException)
            {
                // What else broke the body off is told by the answer, if there is one.
                await sending.ConfigureAwait(false);
            }

            return (stream, await answer.ConfigureAwait(false));
        }
        catch (Exception e)
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
            if (scope.Translate(e) is { } better)
                throw better;
            throw;
        }
    }

    /// <remarks><paramref name="reading"/> is held while the body is read, so that whoever takes it knows that it is read no more.</remarks>
    private static async Task SendAsync(OutgoingCall stream, Stream body, SemaphoreSlim reading, CancellationToken answered)
    {
        var buffer = new byte[UploadMessage];
        for (int read; ;)
        {
            await reading.WaitAsync(answered).ConfigureAwait(false);
            try
            {
                read = await body.ReadAsync(buffer, answered).ConfigureAwait(false);
            }
            finally
            {
                reading.Release();
            }

            if (read == 0)
                break;
            // Ends with the stream at the latest.
            await stream.WriteAsync(buffer.AsMemory(0, read), end: false, CancellationToken.None).ConfigureAwait(false);
        }

        await stream.CompleteAsync().ConfigureAwait(false);
    }

    internal CallScope Scope(CallOptions call, CancellationToken cancellationToken)
    {
        if (call.Deadline is { } span && !CallOptions.IsDeadline(span))
            throw new ArgumentOutOfRangeException(nameof(call), "Deadline must be 1 ms to 24 hours");
        return new CallScope(call.Deadline ?? options.Deadline, time, cancellationToken);
    }

    internal HeaderList Headers(string operation, CallOptions call)
    {
        var headers = new HeaderList().Add("op", operation);
        if ((call.Deadline ?? options.Deadline) is { } deadline)
            headers.Add("deadline-ms", ((long)Math.Ceiling(deadline.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture));
        // No other request has the same: they are kept out of the table of fields, where they would only displace others.
        if (call.RequestId is { } id)
            headers.Add("request-id", id, sensitive: true);
        if (call.TraceParent is { } parent)
            headers.Add("traceparent", parent, sensitive: true);
        if (call.TraceParent is not null && call.TraceState is { } state)
            headers.Add("tracestate", state);
        if (call.Node is { } node)
            headers.Add("node", node);
        if (call.Session is { } session)
            headers.Add("session", session);
        if (call.SessionVersion is { } version)
            headers.Add("session-version", version.ToString(CultureInfo.InvariantCulture), sensitive: true);
        return headers;
    }

    internal static int StatusOf(HeaderList headers) =>
        int.TryParse(headers["status"], NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 200;

    private static void ThrowIfError(HeaderList headers, ReadOnlySpan<byte> body)
    {
        var status = StatusOf(headers);
        if (status < 400)
            return;
        var error = Error.Parser.ParseFrom(body);
        if (error.Message.Length == 0)
            error.Message = $"the gateway answered with status {status}";
        throw new ClientException(error, status);
    }

    /// <summary>The next message of an answer; null after the last.</summary>
    internal static async ValueTask<T?> NextAsync<T>(OutgoingCall stream, HeaderList headers, MessageParser<T> parser, CallScope scope)
        where T : IMessage<T>
    {
        try
        {
            if (await stream.ReadAsync(scope.Token).ConfigureAwait(false) is not { } message)
            {
                ThrowIfError(headers, default);
                return default;
            }

            using (message)
            {
                ThrowIfError(headers, message.Body.Span);
                return parser.ParseFrom(message.Body.Span);
            }
        }
        catch (Exception e) when (scope.Translate(e) is { } better)
        {
            throw better;
        }
    }

    private bool IsAgain(Exception e, int failures, CallScope scope) =>
        failures < options.Retries && !scope.Token.IsCancellationRequested
        && (e is Protocol.StreamException { MayRetry: true } or ConnectionClosedException { MayRetry: true });

    /// <summary>Waits before the next try after so many failures.</summary>
    internal async Task PauseAsync(int failures, CallScope scope)
    {
        try
        {
            await Task.Delay(_backoff.After(failures + 1), time, scope.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (scope.Translate(e) is { } better)
        {
            throw better;
        }
    }
}
