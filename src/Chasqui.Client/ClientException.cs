using Chasqui.Protocol;
using Chasqui.Protocol.Messages;
using Chasqui.Transport;

namespace Chasqui.Client;

/// <summary>A request failed: the gateway said so, or it could not be reached, or the connection was lost.</summary>
public sealed class ClientException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="status">The status of the answer; 0 where there was none.</param>
    /// <param name="inner">The cause.</param>
    public ClientException(Error error, int status = 0, Exception? inner = null)
        : base(error?.Message ?? "", inner)
    {
        Error = error ?? new Error();
        Status = status;
    }

    /// <summary>What went wrong. Besides the codes of the gateway there are <c>unreachable</c>, <c>unauthenticated</c>, <c>disconnected</c>, <c>deadline</c>
    /// and <c>bad_answer</c>, which are seen on this side.</summary>
    public Error Error { get; }

    /// <summary>The status of the answer, a code of HTTP; 0 where there was no answer.</summary>
    public int Status { get; }

    /// <summary>The code with which the stream or the connection ended; null where an answer said what was wrong.</summary>
    public ErrorCode? Reset { get; private init; }

    /// <summary>Whether the request was certainly not processed, so that it can be sent again without doing anything twice.</summary>
    public bool MayRetry { get; private init; }

    /// <summary>Whether the whole connection was lost while the request ran.</summary>
    public bool IsConnectionLost { get; private init; }

    internal static ClientException Of(string code, string message, Exception? inner = null) => new(new Error { Code = code, Message = message }, 0, inner);

    internal static ClientException Unreachable(string message, Exception? inner) =>
        new(new Error { Code = "unreachable", Message = message }, 0, inner) { MayRetry = true };

    internal static ClientException From(StreamException e) => new(
        new Error { Code = CodeOf(e.Code), Message = e.Reason.Length > 0 ? e.Reason : $"the request ended with {e.Code}" }, 0, e)
    {
        Reset = e.Code,
        MayRetry = e.MayRetry,
    };

    internal static ClientException From(ConnectionClosedException e) => new(
        new Error { Code = e.MayRetry ? "unavailable" : "disconnected", Message = $"the connection ended: {e.Code} {e.Reason}".TrimEnd() }, 0, e)
    {
        Reset = e.Code,
        MayRetry = e.MayRetry,
        IsConnectionLost = true,
    };

    /// <summary>A loss after which the rest could not be had.</summary>
    internal static ClientException NotResumed(ClientException lost, ClientException why) => new(
        new Error { Code = lost.Error.Code, Message = $"{lost.Message}; the rest could not be had: {why.Message}" }, 0, why)
    {
        Reset = lost.Reset,
        IsConnectionLost = lost.IsConnectionLost,
    };

    private static string CodeOf(ErrorCode code) => code switch
    {
        ErrorCode.Refused or ErrorCode.Unavailable => "unavailable",
        ErrorCode.EngineFailed => "engine_failed",
        ErrorCode.Deadline => "deadline",
        ErrorCode.Cancelled => "cancelled",
        ErrorCode.HeadersTooLarge or ErrorCode.MessageTooLarge => "invalid_request",
        _ => "internal",
    };
}
