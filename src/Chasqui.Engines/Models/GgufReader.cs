using System.Buffers.Binary;
using System.Text;

namespace Chasqui.Engines.Models;

/// <summary>
/// Reads the little-endian values of a GGUF header from a file, forward only. Every length is held against the rest of the file
/// and against the limits before anything is allocated. Not thread-safe.
/// </summary>
internal sealed class GgufReader(Stream stream, long length)
{
    /// <summary>Most bytes of metadata and tensor table. The largest vocabularies in use take about 30 MiB.</summary>
    public const long MaxHeader = 256L << 20;

    // Text that is kept in memory, of all keys and values together.
    private const long MaxText = 32L << 20;

    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;
    private long _text;

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; } = length;

    public byte Byte(string what) => Fill(1, what)[0];

    public ushort UInt16(string what) => BinaryPrimitives.ReadUInt16LittleEndian(Fill(2, what));

    public uint UInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Fill(4, what));

    public ulong UInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Fill(8, what));

    /// <summary>A text with its length before it. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string Text(int longest, string what)
    {
        var size = TextLength(longest, what);
        _text += size;
        if (_text > MaxText)
            throw new GgufFormatException($"its metadata holds more than {MaxText >> 20} MiB of text");
        if (size <= _buffer.Length)
            return Encoding.UTF8.GetString(Fill(size, what));

        var bytes = new byte[size];
        for (var done = 0; done < size;)
        {
            var step = Math.Min(_buffer.Length, size - done);
            Fill(step, what).CopyTo(bytes.AsSpan(done));
            done += step;
        }
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A text as its bytes, which are good until the next read.</summary>
    public ReadOnlySpan<byte> TextBytes(int longest, string what) => Fill(TextLength(Math.Min(longest, _buffer.Length), what), what);

    /// <summary>Passes over bytes.</summary>
    public void Skip(long count, string what)
    {
        Need(count, what);
        var buffered = (int)Math.Min(count, _end - _start);
        _start += buffered;
        Position += buffered;
        count -= buffered;
        if (count > 0)
        {
            stream.Seek(count, SeekOrigin.Current);
            Position += count;
        }
    }

    private int TextLength(int longest, string what)
    {
        var size = UInt64(what);
        if (size > (ulong)(Length - Position))
            throw Truncated(what);
        return size <= (ulong)longest ? (int)size
            : throw new GgufFormatException($"{what} has {size} bytes, but at most {longest} are allowed");
    }

    private void Need(long count, string what)
    {
        if (count < 0 || count > Length - Position)
            throw Truncated(what);
        if (Position + count > MaxHeader)
            throw new GgufFormatException($"its header is larger than {MaxHeader >> 20} MiB");
    }

    private ReadOnlySpan<byte> Fill(int count, string what)
    {
        Need(count, what);
        if (_end - _start < count)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            while (_end < count)
            {
                var read = stream.Read(_buffer, _end, _buffer.Length - _end);
                if (read == 0)
                    throw Truncated(what);
                _end += read;
            }
        }
        var bytes = _buffer.AsSpan(_start, count);
        _start += count;
        Position += count;
        return bytes;
    }

    private static GgufFormatException Truncated(string what) => new($"the file ends inside {what}; it is incomplete");
}
