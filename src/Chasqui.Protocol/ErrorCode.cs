namespace Chasqui.Protocol;

/// <summary>Why a stream or a connection ended (docs/protocol.md, section 5). Below 16: connections; from 16: streams.</summary>
public enum ErrorCode : uint
{
    /// <summary>An end in order.</summary>
    NoError = 0,

    /// <summary>A rule of the protocol was broken.</summary>
    ProtocolError = 1,

    /// <summary>The bytes are not this protocol.</summary>
    BadMagic = 2,

    /// <summary>A version the peer does not speak.</summary>
    BadVersion = 3,

    /// <summary>A payload above what the receiver takes.</summary>
    FrameTooLarge = 4,

    /// <summary>More bytes than were granted, or more credit than there can be.</summary>
    CreditExceeded = 5,

    /// <summary>A reserved frame type.</summary>
    UnknownType = 6,

    /// <summary>A frame after its sender had ended the stream.</summary>
    StreamClosed = 7,

    /// <summary>A header block that cannot be decoded.</summary>
    Compression = 8,

    /// <summary>Too many cancelled streams or control frames, or too many connections.</summary>
    Flood = 9,

    /// <summary>No complete hello in time.</summary>
    HandshakeTimeout = 10,

    /// <summary>No sign of life.</summary>
    HeartbeatTimeout = 11,

    /// <summary>No credential, or a wrong one.</summary>
    Unauthenticated = 12,

    /// <summary>The connection ended inside a frame or without a goodbye; seen locally, never sent.</summary>
    Truncated = 13,

    /// <summary>The requester gave up.</summary>
    Cancelled = 16,

    /// <summary>Not processed; may be sent again.</summary>
    Refused = 17,

    /// <summary>The header list is larger than the receiver takes.</summary>
    HeadersTooLarge = 18,

    /// <summary>The request's deadline has passed.</summary>
    Deadline = 19,

    /// <summary>The peer failed.</summary>
    Internal = 20,

    /// <summary>The model's engine failed while it ran.</summary>
    EngineFailed = 21,

    /// <summary>The engine is stopping or gone; may be tried again.</summary>
    Unavailable = 22,

    /// <summary>A message above what the receiver takes.</summary>
    MessageTooLarge = 23,
}
