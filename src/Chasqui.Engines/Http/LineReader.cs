namespace Chasqui.Engines.Http;

/// <summary>Splits a stream of bytes into lines as they arrive. For one reader.</summary>
/// <param name="stream">Where the bytes come from; not disposed.</param>
/// <param name="maxLine">The most bytes of a line.</param>
internal sealed class LineReader(Stream stream, int maxLine) : IDisposable
{
    private readonly ArrivingBytes _bytes = new(stream);
    private int _searched;
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
            var unread = _bytes.Unread;
            var found = unread.Span[_searched..].IndexOf((byte)'\n');
            if (found >= 0)
            {
                Take(unread, _searched + found, whole: true);
                return true;
            }

            _searched = unread.Length;
            if (unread.Length > maxLine)
                throw new LineTooLongException(maxLine);
            if (_ended)
            {
                if (unread.IsEmpty)
                    return false;
                Take(unread, unread.Length, whole: false);
                return true;
            }
            _ended = !await _bytes.ReceiveAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _searched = 0;
        _ended = true;
        Line = default;
    }

    private void Take(ReadOnlyMemory<byte> unread, int end, bool whole)
    {
        if (end > maxLine)
            throw new LineTooLongException(maxLine);
        IsWhole = whole;
        Line = unread[..(whole && end > 0 && unread.Span[end - 1] == (byte)'\r' ? end - 1 : end)];
        _bytes.Take(whole ? end + 1 : end);
        _searched = 0;
    }
}

/// <summary>A line, an event or a body is longer than we take.</summary>
internal sealed class LineTooLongException(int bytes) : IOException($"it holds more than {bytes} bytes without an end");
