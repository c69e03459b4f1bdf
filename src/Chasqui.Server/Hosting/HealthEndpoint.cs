using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>/healthz</c>: 200 when a request would be served, else 503 and why not.</summary>
internal static class HealthEndpoint
{
    public const string Path = "/healthz";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var reason = await ReasonAsync(api, http.RequestAborted).ConfigureAwait(false);
        await JsonResponse.SendAsync(http, reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, Body(reason)).ConfigureAwait(false);
    }

    private static async Task<string?> ReasonAsync(ApiContext api, CancellationToken cancellationToken)
    {
        if (api.Lifetime.ApplicationStopping.IsCancellationRequested)
            return "draining";
        if (!api.Lifetime.ApplicationStarted.IsCancellationRequested)
            return "starting";
        // An engine that is being started again would keep the question waiting.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_patience);
        try
        {
            ModelManagement.EnsureAvailable(api.Embedded);
            var models = await api.Engine.ListAsync(patience.Token).ConfigureAwait(false);
            if (models.Count > 0)
                return null;
            // Why the engine in the house has none, it says itself.
            await api.Embedded.ListAsync(patience.Token).ConfigureAwait(false);
            return "there are no models";
        }
        catch (EngineException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "the engine does not answer";
        }
    }

    private static byte[] Body(string? reason)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("status"u8);
        json.Value(reason is null ? "ok" : "unavailable");
        if (reason is not null)
        {
            json.Name("reason"u8);
            json.Value(reason);
        }
        json.EndObject();
        return buffer.WrittenSpan.ToArray();
    }
}
