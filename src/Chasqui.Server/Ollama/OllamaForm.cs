using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>{"error": "…"}</c>, also as the last line of a stream.</summary>
internal sealed class OllamaForm : ApiForm
{
    public static OllamaForm Instance { get; } = new();

    public override Task SendErrorAsync(HttpContext http, ApiError error) => JsonResponse.SendErrorAsync(http, error);

    public override async ValueTask<bool> TryEndStreamAsync(HttpContext http, ApiError error)
    {
        if (!MediaTypes.Is(http.Response.ContentType, Ndjson.ContentType))
            return false;
        var lines = new Ndjson(http);
        Write(lines, error);
        await lines.SendAsync().ConfigureAwait(false);
        return true;
    }

    private static void Write(Ndjson lines, ApiError error)
    {
        var json = lines.Line();
        JsonResponse.WriteError(ref json, error.Message);
    }
}
