using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>
/// Reads server-sent events (the event stream of the HTML standard) as they arrive. Comments, ids and retry times are skipped; lines end with a line feed,
/// with or without a carriage return before it. For one reader.
/// </summary>
/// <param name="lines">The lines; not disposed.</param>
/// <param name="maxEvent">The most bytes of an event's data.</param>
internal sealed class SseReader(LineReader lines, int maxEvent)
{
    private readonly ArrayBufferWriter<byte> _data = new(512);

    /// <summary>The data of the event that was read last, its lines joined by line feeds; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Data { get; private set; }

    /// <summary>Whether the last event is one of the field <c>error</c>, with which older llama.cpp servers end a stream.</summary>
    public bool IsError { get; private set; }

    /// <summary>Reads the next event that has data. One that the end of the stream cut off is not given out.</summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="LineTooLongException">An event is longer than the bound.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        _data.ResetWrittenCount();
        IsError = false;
        var any = false;
        while (await lines.ReadAsync(cancellationToken).ConfigureAwait(false) && lines.IsWhole)
        {
            var line = lines.Line;
            if (line.IsEmpty)
            {
                if (!any)
                    continue;
                Data = _data.WrittenMemory;
                return true;
            }

            var isError = line.Span.StartsWith("error:"u8);
            if (!isError && !IsData(line.Span))
                continue;
            IsError |= isError;
            if (any)
                _data.Write("\n"u8);
            any = true;
            if (_data.WrittenCount + line.Length > maxEvent)
                throw new LineTooLongException(maxEvent);
            _data.Write(Value(line.Span));
        }
        return false;
    }

    private static bool IsData(ReadOnlySpan<byte> line) => line.StartsWith("data"u8) && (line.Length == 4 || line[4] == (byte)':');

    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon < 0)
            return [];
        var value = line[(colon + 1)..];
        return value.Length > 0 && value[0] == (byte)' ' ? value[1..] : value;
    }
}
