using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>Reads server-sent events as they arrive. For one reader; to be disposed.</summary>
/// <param name="stream">Where the bytes come from; not disposed.</param>
/// <param name="maxEvent">The most bytes of an event.</param>
internal sealed class SseReader(Stream stream, int maxEvent) : IDisposable
{
    private readonly ArrivingBytes _bytes = new(stream);
    private readonly ArrayBufferWriter<byte> _joined = new();
    private SseFrames _frames;
    private int _searched;
    private bool _begun;

    /// <summary>The data of the event that was read last, its lines joined by line feeds; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Data { get; private set; }

    /// <summary>Whether the last event is an error by the name of a field.</summary>
    public bool IsError { get; private set; }

    /// <summary>
    /// Reads the next event that has data. Of the last one the empty line behind it may be missing, as where a stream passes by unread: it counts if its data is whole
    /// (<see cref="StreamSigns.IsWhole"/>), and else was cut off and is not given out.
    /// </summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="LineTooLongException">An event is longer than the bound.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var unread = _bytes.Unread;
            var end = _frames.Next(unread.Span[_searched..]);
            if (end >= 0)
            {
                var length = _searched + end;
                _searched = 0;
                _bytes.Take(length);
                if (Take(unread[..length]))
                    return true;
                continue;
            }
            _searched = unread.Length;
            if (unread.Length > maxEvent)
                throw new LineTooLongException(maxEvent);
            if (!await _bytes.ReceiveAsync(cancellationToken).ConfigureAwait(false))
                return TakeLast();
        }
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _searched = 0;
        Data = default;
    }

    /// <summary>Takes what no end of its own follows.</summary>
    /// <returns>Whether it is whole all the same.</returns>
    private bool TakeLast()
    {
        var rest = _bytes.Unread;
        _bytes.Take(rest.Length);
        _searched = 0;
        return !rest.IsEmpty && Take(rest) && StreamSigns.IsWhole(Data.Span);
    }

    /// <returns>Whether the frame has data.</returns>
    private bool Take(ReadOnlyMemory<byte> frame)
    {
        if (frame.Length > maxEvent)
            throw new LineTooLongException(maxEvent);
        var read = SseEvent.Read(_begun ? frame.Span : SseEvent.WithoutMark(frame.Span), _joined);
        _begun = true;
        IsError = read.IsError;
        if (!read.HasData)
            return false;
        // What stands in one line is given out where it stands.
        Data = frame.Span.Overlaps(read.Data, out var at) ? frame.Slice(at, read.Data.Length) : read.Data.IsEmpty ? default : _joined.WrittenMemory;
        return true;
    }
}
