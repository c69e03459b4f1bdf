using System.Buffers;
using System.Text;

namespace Chasqui.Protocol;

/// <summary>What a side says of itself in its HELLO (docs/protocol.md, section 3).</summary>
public sealed record Settings
{
    /// <summary>The most bytes of a HELLO.</summary>
    public const int MaxSize = 16_384;

    private const int MaxName = 256;
    private const int MaxAuthorization = 8_192;

    /// <summary>Largest payload it accepts, in bytes: 16,384 to 16,777,215. Default 65,536.</summary>
    public uint MaxFrame { get; init; } = 65_536;

    /// <summary>Bytes it grants each stream at its start: 0 to 2^31-1. Default 262,144.</summary>
    public uint StreamCredit { get; init; } = 262_144;

    /// <summary>Bytes it grants all streams together: 65,536 to 2^31-1. Default 4,194,304.</summary>
    public uint ConnectionCredit { get; init; } = 4_194_304;

    /// <summary>Streams the peer may have open at a time: 0 to 2^31-1. Default 1,024.</summary>
    public uint MaxStreams { get; init; } = 1_024;

    /// <summary>Largest header list it accepts, as RFC 7541 counts: 1,024 to 1,048,576. Default 16,384.</summary>
    public uint MaxHeaderList { get; init; } = 16_384;

    /// <summary>Dynamic table for the blocks it receives, in bytes: 0 to 65,536. Default 4,096.</summary>
    public uint HeaderTable { get; init; } = 4_096;

    /// <summary>Milliseconds of silence before it asks for a sign of life: 100 to 3,600,000. Default 15,000.</summary>
    public uint HeartbeatMs { get; init; } = 15_000;

    /// <summary>Product and version, at most 256 bytes of UTF-8. Default empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>The credential, as after <c>Authorization:</c>, at most 8,192 bytes; connector only. Default none.</summary>
    public string? Authorization { get; init; }

    /// <summary>Leaves the credential out, so that it is in no log.</summary>
    public override string ToString() => $"{Name} (frames of {MaxFrame}, {MaxStreams} streams)";

    /// <exception cref="ProtocolException">PROTOCOL_ERROR: a value is out of its range; the reason names it.</exception>
    public void Validate()
    {
        Check(1, MaxFrame);
        Check(2, StreamCredit);
        Check(3, ConnectionCredit);
        Check(4, MaxStreams);
        Check(5, MaxHeaderList);
        Check(6, HeaderTable);
        Check(7, HeartbeatMs);
        if (Encoding.UTF8.GetByteCount(Name) > MaxName)
            throw Wrong("name", $"longer than {MaxName} bytes");
        if (Authorization is { } secret && Encoding.UTF8.GetByteCount(secret) > MaxAuthorization)
            throw Wrong("authorization", $"longer than {MaxAuthorization} bytes");
    }

    /// <summary>Writes the payload of a HELLO; what has its default is left out.</summary>
    public void Write(IBufferWriter<byte> destination)
    {
        Validate();
        var standard = new Settings();
        WriteInteger(destination, 1, MaxFrame, standard.MaxFrame);
        WriteInteger(destination, 2, StreamCredit, standard.StreamCredit);
        WriteInteger(destination, 3, ConnectionCredit, standard.ConnectionCredit);
        WriteInteger(destination, 4, MaxStreams, standard.MaxStreams);
        WriteInteger(destination, 5, MaxHeaderList, standard.MaxHeaderList);
        WriteInteger(destination, 6, HeaderTable, standard.HeaderTable);
        WriteInteger(destination, 7, HeartbeatMs, standard.HeartbeatMs);
        if (Name.Length > 0)
            WriteText(destination, 8, Name);
        if (Authorization is not null)
            WriteText(destination, 9, Authorization);
    }

    /// <summary>Reads the payload of a HELLO.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: malformed, a setting given twice, or a value out of its range.</exception>
    public static Settings Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxSize)
            throw Wrong("hello", $"longer than {MaxSize} bytes");
        var settings = new Settings();
        var seen = new HashSet<uint>();
        while (payload.Length > 0)
        {
            var id = Varint.Read(ref payload);
            var length = Varint.Read(ref payload);
            if (length > payload.Length)
                throw new ProtocolException(ErrorCode.ProtocolError, "a setting of the hello is cut off");
            if (!seen.Add(id))
                throw new ProtocolException(ErrorCode.ProtocolError, $"setting {id} is given twice");
            settings = With(settings, id, payload[..(int)length]);
            payload = payload[(int)length..];
        }

        settings.Validate();
        return settings;
    }

    private static Settings With(Settings settings, uint id, ReadOnlySpan<byte> value) => id switch
    {
        1 => settings with { MaxFrame = Integer(id, value) },
        2 => settings with { StreamCredit = Integer(id, value) },
        3 => settings with { ConnectionCredit = Integer(id, value) },
        4 => settings with { MaxStreams = Integer(id, value) },
        5 => settings with { MaxHeaderList = Integer(id, value) },
        6 => settings with { HeaderTable = Integer(id, value) },
        7 => settings with { HeartbeatMs = Integer(id, value) },
        8 => settings with { Name = Utf8.Read(value, "the name") },
        9 => settings with { Authorization = Utf8.Read(value, "the credential") },
        _ => settings,
    };

    private static uint Integer(uint id, ReadOnlySpan<byte> value)
    {
        var number = Varint.Read(ref value);
        return value.Length == 0 ? number : throw new ProtocolException(ErrorCode.ProtocolError, $"setting {id} has bytes after its integer");
    }

    private static void Check(uint id, uint value)
    {
        (string Name, uint Low, uint High) range = id switch
        {
            1 => ("max_frame", 16_384, 16_777_215),
            2 => ("stream_credit", 0, int.MaxValue),
            3 => ("connection_credit", 65_536, int.MaxValue),
            4 => ("max_streams", 0, int.MaxValue),
            5 => ("max_header_list", 1_024, 1_048_576),
            6 => ("header_table", 0, 65_536),
            _ => ("heartbeat_ms", 100, 3_600_000),
        };
        if (value < range.Low || value > range.High)
            throw Wrong(range.Name, $"{value}, but must be from {range.Low} to {range.High}");
    }

    private static ProtocolException Wrong(string name, string how) => new(ErrorCode.ProtocolError, $"setting {name} is {how}");

    private static void WriteInteger(IBufferWriter<byte> destination, uint id, uint value, uint standard)
    {
        if (value == standard)
            return;
        var span = destination.GetSpan(2 + Varint.MaxSize);
        span[0] = (byte)id;
        span[1] = (byte)Varint.Write(span[2..], value);
        destination.Advance(2 + span[1]);
    }

    private static void WriteText(IBufferWriter<byte> destination, uint id, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        var span = destination.GetSpan(1 + Varint.MaxSize + bytes.Length);
        span[0] = (byte)id;
        var used = 1 + Varint.Write(span[1..], (uint)bytes.Length);
        bytes.CopyTo(span[used..]);
        destination.Advance(used + bytes.Length);
    }
}
