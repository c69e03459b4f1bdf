using System.Buffers;
using System.Runtime.CompilerServices;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;

namespace Chasqui.Client;

/// <summary>An answer of the HTTP API that came over MCP. To be disposed, which cancels what has not come yet.</summary>
public sealed class HttpAnswer : IAsyncDisposable
{
    private readonly OutgoingCall _stream;
    private readonly CallScope _scope;

    internal HttpAnswer(OutgoingCall stream, HeaderList headers, CallScope scope)
    {
        _stream = stream;
        _scope = scope;
        Headers = headers;
        Status = Caller.StatusOf(headers);
    }

    /// <summary>The status, a code of HTTP.</summary>
    public int Status { get; }

    /// <summary>What the body is; empty where it was not said.</summary>
    public string ContentType => Headers["content-type"] ?? "";

    /// <summary>All headers of the answer.</summary>
    public HeaderList Headers { get; }

    /// <summary>The body as it comes. To be read once.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadPartsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await NextAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            // Disposed only when the next part is asked for: the caller reads it until then.
            using (message)
                yield return message.Body;
        }
    }

    /// <summary>The whole body.</summary>
    /// <param name="maxBytes">More than this is an error. Default 64 MiB.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ClientException">It is longer, or the stream ended in error.</exception>
    public async Task<byte[]> ReadBodyAsync(int maxBytes = 64 << 20, CancellationToken cancellationToken = default)
    {
        var body = new ArrayBufferWriter<byte>();
        await foreach (var part in ReadPartsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (body.WrittenCount + (long)part.Length > maxBytes)
                throw ClientException.Of("bad_answer", $"the answer is longer than {maxBytes} bytes");
            body.Write(part.Span);
        }

        return body.WrittenSpan.ToArray();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        _scope.Dispose();
    }

    private async ValueTask<Message?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!cancellationToken.CanBeCanceled)
                return await _stream.ReadAsync(_scope.Token).ConfigureAwait(false);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_scope.Token, cancellationToken);
            return await _stream.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception e) when (_scope.Translate(e) is { } better)
        {
            throw better;
        }
    }
}
