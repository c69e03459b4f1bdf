namespace Chasqui.Engines.Http;

/// <summary>The body of a node's answer as a stream that is read forward, asynchronously. For one reader; the answer is not disposed with it.</summary>
/// <param name="answer">What is read.</param>
internal sealed class AnswerStream(IPassageAnswer answer) : Stream
{
    private ReadOnlyMemory<byte> _part;
    private bool _ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_part.IsEmpty && !_ended)
        {
            _part = await answer.ReadAsync(cancellationToken).ConfigureAwait(false);
            _ended = _part.IsEmpty;
        }
        var bytes = Math.Min(buffer.Length, _part.Length);
        _part[..bytes].CopyTo(buffer);
        _part = _part[bytes..];
        return bytes;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("answers are read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
