using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The responses that are kept, each within its tenant. Thread-safe.</summary>
internal sealed partial class ResponseArchive(SessionKeeper keeper, TimeProvider time, ILogger<ResponseArchive> logger)
{
    private SessionOptions Options => keeper.Log.Options;

    private static string Tenant => CallerGate.Caller.Sharers;

    /// <summary>Whether any are kept.</summary>
    public bool IsOpen => Options is { MaxResponses: > 0, ResponseBytes: > 0 };

    /// <summary>What was kept of a response; null where there is none for the caller.</summary>
    public async Task<ReadOnlyMemory<byte>?> FindAsync(string id, CancellationToken cancellationToken) =>
        IsOpen ? await keeper.Responses.FindResponseAsync(Tenant, id, time.GetUtcNow() - Options.ResponseAge, cancellationToken).ConfigureAwait(false) : null;

    /// <returns>Whether it was there.</returns>
    public Task<bool> RemoveAsync(string id, CancellationToken cancellationToken) => keeper.Responses.RemoveResponseAsync(Tenant, id, cancellationToken);

    /// <summary>Keeps one. The answer is there: what goes wrong here takes nothing from it but that it can be referred to.</summary>
    /// <returns>Whether it is kept.</returns>
    public async Task<bool> TryKeepAsync(string id, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        if (!IsOpen)
            return false;
        if (body.Length > Options.ResponseBytes)
        {
            LogTooLong(id, body.Length);
            return false;
        }
        try
        {
            await keeper.Log.TakeRoomAsync(body.Length, cancellationToken).ConfigureAwait(false);
            await keeper.Responses.KeepAsync(new KeptResponse(Tenant, id, time.GetUtcNow(), body), Options, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (SessionStoreException e)
        {
            LogFailed(id, e.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Response {Id} is not kept: it has {Bytes} bytes with its conversation, more than Sessions:ResponseBytes")]
    private partial void LogTooLong(string id, int bytes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Response {Id} is not kept: {Reason}")]
    private partial void LogFailed(string id, string reason);
}
