using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>Why a connection is over.</summary>
/// <param name="Code">The code of the goodbye, or what was seen locally; NO_ERROR after an orderly end.</param>
/// <param name="Reason">For people; may be empty.</param>
/// <param name="ByPeer">Whether the peer ended it.</param>
public sealed record CloseReason(ErrorCode Code, string Reason, bool ByPeer);

/// <summary>A call was made on, or was under way on, a connection that is over or draining.</summary>
/// <param name="code">Why the connection ended.</param>
/// <param name="reason">For people.</param>
/// <param name="mayRetry">Whether the call was certainly not processed, so that it may be sent elsewhere.</param>
public sealed class ConnectionClosedException(ErrorCode code, string reason, bool mayRetry = false)
    : Exception($"the connection is closed: {code} {reason}")
{
    /// <summary>Why the connection ended.</summary>
    public ErrorCode Code { get; } = code;

    /// <summary>For people.</summary>
    public string Reason { get; } = reason;

    /// <summary>Whether the call was certainly not processed, so that it may be sent elsewhere.</summary>
    public bool MayRetry { get; } = mayRetry;
}
