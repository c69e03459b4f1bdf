using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>Splits a stream of bytes into lines as they arrive. For one reader.</summary>
/// <param name="stream">Where the bytes come from; not disposed.</param>
/// <param name="maxLine">The most bytes of a line.</param>
internal sealed class LineReader(Stream stream, int maxLine) : IDisposable
{
    private const int FirstBuffer = 4096;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _start;
    private int _searched;
    private int _end;
    private bool _ended;

    /// <summary>The line that was read last, without its end; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    /// <summary>Whether <see cref="Line"/> ended with a line feed; the last line of a broken stream does not.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Reads the next line, which may be empty. A carriage return before the line feed belongs to the end.</summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="LineTooLongException">A line is longer than the bound.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = _buffer.AsSpan(_searched, _end - _searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                Take(_searched + found, whole: true);
                _start = _searched = _searched + found + 1;
                return true;
            }

            _searched = _end;
            if (_end - _start > maxLine)
                throw new LineTooLongException(maxLine);
            if (_ended)
            {
                if (_start == _end)
                    return false;
                Take(_end, whole: false);
                _start = _searched = _end;
                return true;
            }

            MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            _ended = read == 0;
            _end += read;
        }
    }

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _start = _searched = _end = 0;
        _ended = true;
        Line = default;
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Take(int end, bool whole)
    {
        if (end - _start > maxLine)
            throw new LineTooLongException(maxLine);
        IsWhole = whole;
        Line = _buffer.AsMemory(_start, (whole && end > _start && _buffer[end - 1] == (byte)'\r' ? end - 1 : end) - _start);
    }

    private void MakeRoom()
    {
        if (_start == _end)
            _start = _searched = _end = 0;
        if (_end < _buffer.Length)
            return;
        var kept = _end - _start;
        var target = kept <= _buffer.Length / 2 ? _buffer : ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(_start, kept).CopyTo(target);
        if (target != _buffer)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _searched, _end, _start) = (target, _searched - _start, kept, 0);
    }
}

/// <summary>A line, an event or a body is longer than we take.</summary>
internal sealed class LineTooLongException(int bytes) : IOException($"it holds more than {bytes} bytes without an end");
