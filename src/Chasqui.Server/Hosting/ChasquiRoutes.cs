using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>Paths of our own that are nobody else's API.</summary>
internal static class ChasquiRoutes
{
    public static IReadOnlyList<Route> All { get; } =
    [
        new(NodesEndpoint.Path, ["GET"], NodesEndpoint.InvokeAsync) { Scope = Scopes.Admin },
        new(QueueEndpoint.Path, ["GET"], QueueEndpoint.InvokeAsync) { Scope = Scopes.Admin },
    ];
}
