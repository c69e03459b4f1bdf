using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>The whole answer to a call with one message each way.</summary>
public sealed class Reply : IDisposable
{
    private readonly MessageBuffer? _buffer;

    internal Reply(HeaderList headers, MessageBuffer? buffer) => (Headers, _buffer) = (headers, buffer);

    /// <summary>The answer's headers.</summary>
    public HeaderList Headers { get; }

    /// <summary>The answer's first message, empty if there was none; valid until the reply is disposed.</summary>
    public ReadOnlyMemory<byte> Body => _buffer?.Memory ?? default;

    /// <summary>Returns the buffer. May be called more than once.</summary>
    public void Dispose() => _buffer?.Free();
}
