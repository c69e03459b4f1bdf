using Chasqui.Gateway.Policies;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Tells of an answer that is the engine's over all nodes where it came from, as <see cref="DispatchEndpoint"/> does of others.</summary>
internal static class AnswerHeaders
{
    public static void Tell(HttpContext http)
    {
        var state = RequestState.Of(http);
        // The endpoint that chose the node has told already.
        if (state.Engine is not null || state.Measure is not { } measure)
            return;
        var headers = http.Response.Headers;
        CacheHeaders.Tell(headers, measure.Cache);
        if (measure.Cache is { IsHit: true })
            return;
        if (measure.Node is { } node)
            headers[DispatchEndpoint.NodeHeader] = state.Node = node.Name;
        QueueHeaders.Tell(headers, measure);
        if (measure.Origin is not { } origin)
            return;
        if (RouteExplanation.IsWanted(http))
            headers[DispatchEndpoint.RouteHeader] = origin.Reason.ToString();
        if (origin.Changes.Count > 0)
            headers[OptionChange.HeaderName] = OptionChange.Header(origin.Changes);
    }
}
