using Chasqui.Gateway;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// Whether an answer tells why its node was chosen. How much of a prompt a node had computed before shows whether another caller asked the same, so
/// only callers with the scope <c>admin</c> are told.
/// </summary>
internal static class RouteExplanation
{
    /// <summary>Whether the request asks for it and its caller may know.</summary>
    public static bool IsWanted(HttpContext http)
    {
        if (!http.Request.Headers.ContainsKey(DispatchEndpoint.ExplainHeader))
            return false;
        return (RequestState.Of(http).Measure?.Caller ?? Caller.Anonymous).Has(Scopes.Admin);
    }
}
