using System.Runtime.CompilerServices;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;

namespace Chasqui.Client;

/// <summary>An answer whose messages are not read here. To be disposed, which cancels what has not come yet.</summary>
public sealed class RawAnswer : IAsyncDisposable
{
    private readonly OutgoingCall _stream;
    private readonly CallScope _scope;
    private Message _message;

    internal RawAnswer(OutgoingCall stream, HeaderList headers, CallScope scope)
    {
        _stream = stream;
        _scope = scope;
        Status = Caller.StatusOf(headers);
    }

    /// <summary>The status, a code of HTTP.</summary>
    public int Status { get; }

    /// <summary>The next message, valid until the next call; null at the end.</summary>
    /// <exception cref="ClientException">The stream ended in error.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync()
    {
        _message.Dispose();
        _message = default;
        try
        {
            if (await _stream.ReadAsync(_scope.Token).ConfigureAwait(false) is not { } message)
                return null;
            _message = message;
            return message.Body;
        }
        catch (Exception e) when (_scope.Translate(e) is { } better)
        {
            throw better;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _message.Dispose();
        _message = default;
        await _stream.DisposeAsync().ConfigureAwait(false);
        _scope.Dispose();
    }
}
