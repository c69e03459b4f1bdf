namespace Chasqui.Protocol;

/// <summary>What a frame is (docs/protocol.md, section 2). 9 to 127 are reserved, 128 to 255 extensions that may be skipped.</summary>
public enum FrameType : byte
{
    /// <summary>Opens a stream: flags, header block, body.</summary>
    Request = 0,

    /// <summary>The head of the answer: flags, header block, body.</summary>
    Response = 1,

    /// <summary>A sign of life: kind, 8 bytes.</summary>
    Heartbeat = 2,

    /// <summary>The settings of a side, first of all.</summary>
    Hello = 3,

    /// <summary>A message of a stream, or a part of one.</summary>
    Data = 4,

    /// <summary>Small messages of many streams.</summary>
    Batch = 5,

    /// <summary>Ends a stream at once, both ways.</summary>
    Reset = 6,

    /// <summary>Grants credit.</summary>
    Credit = 7,

    /// <summary>Ends the connection.</summary>
    Goodbye = 8,
}
