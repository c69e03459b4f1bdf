namespace Chasqui.Protocol;

/// <summary>The flags of REQUEST, RESPONSE and DATA (docs/protocol.md, section 4).</summary>
[Flags]
public enum FrameFlags : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The sender sends nothing more on this stream.</summary>
    End = 1,

    /// <summary>The message is continued by the next DATA.</summary>
    More = 2,

    /// <summary>REQUEST and RESPONSE: a message begins in this frame.</summary>
    Message = 4,
}

/// <summary>Who goes first when several streams have something to send.</summary>
public enum StreamPriority : byte
{
    /// <summary>The usual.</summary>
    Normal = 0,

    /// <summary>Somebody waits for it: four turns for each of a normal one.</summary>
    Urgent = 1,

    /// <summary>Nobody waits for it: a turn for each four of a normal one.</summary>
    Batch = 2,
}

/// <summary>Packs a priority beside the flags.</summary>
public static class FrameFlagBits
{
    private const int PriorityShift = 4;

    /// <summary>The flags byte of a REQUEST.</summary>
    public static byte Pack(FrameFlags flags, StreamPriority priority) => (byte)((byte)flags | ((byte)priority << PriorityShift));

    /// <summary>The flags of a byte; bits that are not known are dropped.</summary>
    public static FrameFlags Flags(byte value) => (FrameFlags)(value & 7);

    /// <summary>The priority of a byte; 3 counts as <see cref="StreamPriority.Batch"/>.</summary>
    public static StreamPriority Priority(byte value) => (StreamPriority)Math.Min((value >> PriorityShift) & 3, (int)StreamPriority.Batch);
}
