namespace Chasqui.Engines.Tests;

/// <summary>Gives out bytes in pieces that end where it is told, as a network may.</summary>
internal sealed class CutStream(byte[] bytes, IEnumerable<int> cuts) : Stream
{
    private readonly Queue<int> _ends = new([.. cuts.Where(cut => cut > 0 && cut < bytes.Length).Distinct().Order(), bytes.Length]);
    private int _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        while (_ends.Count > 1 && _ends.Peek() <= _position)
            _ends.Dequeue();
        var read = Math.Min(buffer.Length, _ends.Peek() - _position);
        bytes.AsSpan(_position, read).CopyTo(buffer);
        _position += read;
        return read;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
