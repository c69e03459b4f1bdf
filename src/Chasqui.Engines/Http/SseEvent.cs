using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>The fields of one server-sent event. Its bytes are those that it was read from, or those of the scratch buffer.</summary>
public readonly ref struct SseEvent
{
    private static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    private SseEvent(ReadOnlySpan<byte> data, ReadOnlySpan<byte> name, bool hasData, bool isError)
    {
        Data = data;
        Name = name;
        HasData = hasData;
        IsError = isError;
    }

    /// <summary>The data, its lines joined by line feeds.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>The field <c>event</c>; empty for none.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Whether there is a line of data. A frame without one is a comment, or sets what only a browser needs.</summary>
    public bool HasData { get; }

    /// <summary>Whether it is an error by a field's name: <c>event: error</c>, or the field <c>error</c>, with which older llama.cpp servers end a stream.</summary>
    public bool IsError { get; }

    /// <summary>What the bytes are without the mark that a text may begin with.</summary>
    /// <param name="first">The first frame of a stream.</param>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> first) => first.StartsWith(Mark) ? first[Mark.Length..] : first;

    /// <summary>Reads a frame, with or without the empty line at its end.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="scratch">Takes the data of an event of several lines of data; null to read the first of them alone.</param>
    public static SseEvent Read(ReadOnlySpan<byte> frame, ArrayBufferWriter<byte>? scratch)
    {
        ReadOnlySpan<byte> data = default, name = default;
        var (lines, isError) = (0, false);
        while (!frame.IsEmpty)
        {
            var end = frame.IndexOfAny((byte)'\r', (byte)'\n');
            var line = end < 0 ? frame : frame[..end];
            // An empty line between the halves of a line's end has no fields.
            frame = end < 0 ? default : frame[(end + 1)..];
            var colon = line.IndexOf((byte)':');
            var field = colon < 0 ? line : line[..colon];
            var value = colon < 0 ? default : line[(colon + 1)..];
            if (value.Length > 0 && value[0] == (byte)' ')
                value = value[1..];
            var isFailure = colon > 0 && field.SequenceEqual("error"u8);
            if (isFailure || field.SequenceEqual("data"u8))
            {
                isError |= isFailure;
                if (lines++ == 0)
                    data = value;
                else if (scratch is not null)
                    data = Join(scratch, lines == 2, data, value);
            }
            else if (field.SequenceEqual("event"u8))
            {
                name = value;
            }
        }
        return new SseEvent(data, name, lines > 0, isError || name.SequenceEqual("error"u8));
    }

    private static ReadOnlySpan<byte> Join(ArrayBufferWriter<byte> scratch, bool isSecond, ReadOnlySpan<byte> before, ReadOnlySpan<byte> line)
    {
        if (isSecond)
        {
            scratch.ResetWrittenCount();
            scratch.Write(before);
        }
        scratch.Write("\n"u8);
        scratch.Write(line);
        return scratch.WrittenSpan;
    }
}
