using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>The body of a call as it comes, message after message.</summary>
internal sealed class CallBody(IncomingCall call) : Stream
{
    private Message? _message;
    private int _taken;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            if (_message is { } message)
            {
                var rest = message.Body[_taken..];
                if (rest.Length > 0)
                {
                    var count = Math.Min(rest.Length, buffer.Length);
                    rest[..count].CopyTo(buffer);
                    _taken += count;
                    return count;
                }
                message.Dispose();
            }
            (_message, _taken) = (await call.ReadAsync(cancellationToken).ConfigureAwait(false), 0);
            if (_message is null)
                return 0;
        }
        return 0;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("the body is read without blocking");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _message?.Dispose();
        _message = null;
        base.Dispose(disposing);
    }
}
