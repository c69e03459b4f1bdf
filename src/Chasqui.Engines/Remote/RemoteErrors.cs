using Chasqui.Client;
using Chasqui.Engines.Wire;
using Chasqui.Protocol;

namespace Chasqui.Engines.Remote;

/// <summary>What a client's failure means to who uses an engine.</summary>
internal static class RemoteErrors
{
    internal static EngineException ToEngine(ClientException e) => e switch
    {
        // The request's fault, which no other request is to pay for.
        { Reset: ErrorCode.MessageTooLarge or ErrorCode.HeadersTooLarge, IsConnectionLost: false } => new InvalidRequestException($"the request is larger than the engine takes: {e.Message}", e),
        { MayRetry: true } or { Reset: ErrorCode.Unavailable } => new EngineUnavailableException(e.Message, e),
        { IsConnectionLost: true } or { Reset: not null } => new EngineFailedException(e.Message, e),
        { Error.Code: "unreachable" or "unauthenticated" } => new EngineUnavailableException(e.Message, e),
        _ => WireErrors.FromWire(e.Error),
    };

    /// <summary>Whether the request was certainly not processed.</summary>
    internal static bool WasNotSent(EngineException e) => e.InnerException is ClientException { MayRetry: true };

    /// <summary>Whether the other side went away while the request ran.</summary>
    internal static bool WasLost(EngineException e) => e.InnerException is ClientException { IsConnectionLost: true, MayRetry: false };
}
