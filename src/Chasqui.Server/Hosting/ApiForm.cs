using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>How one of the HTTP APIs tells errors. Stateless.</summary>
internal abstract class ApiForm
{
    /// <summary>Answers with an error; nothing has been sent yet.</summary>
    public abstract Task SendErrorAsync(HttpContext http, ApiError error);

    /// <summary>Tells an error in a stream that has begun, and ends it.</summary>
    /// <returns>False where what has begun is no stream of this API; the connection is then cut.</returns>
    public abstract ValueTask<bool> TryEndStreamAsync(HttpContext http, ApiError error);
}
