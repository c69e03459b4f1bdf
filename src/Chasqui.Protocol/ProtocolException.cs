namespace Chasqui.Protocol;

/// <summary>The connection cannot go on: its peer broke a rule, or it is gone.</summary>
/// <param name="code">The documented code.</param>
/// <param name="reason">For people; the peer may see it.</param>
public sealed class ProtocolException(ErrorCode code, string reason) : Exception($"{code}: {reason}")
{
    /// <summary>The documented code.</summary>
    public ErrorCode Code { get; } = code;

    /// <summary>For people; the peer may see it.</summary>
    public string Reason { get; } = reason;
}

/// <summary>One stream ended with an error; the connection goes on.</summary>
/// <param name="code">The documented code.</param>
/// <param name="reason">For people; the peer may see it.</param>
public sealed class StreamException(ErrorCode code, string reason) : Exception($"{code}: {reason}")
{
    /// <summary>The documented code.</summary>
    public ErrorCode Code { get; } = code;

    /// <summary>For people; the peer may see it.</summary>
    public string Reason { get; } = reason;

    /// <summary>The request was not processed and can be sent again without doing anything twice.</summary>
    public bool MayRetry => Code == ErrorCode.Refused;
}
