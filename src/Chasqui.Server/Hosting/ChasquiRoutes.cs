using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>Paths of our own that are nobody else's API.</summary>
internal static class ChasquiRoutes
{
    public static IReadOnlyList<Route> All { get; } =
    [
        new(NodesEndpoint.Path, ["GET"], NodesEndpoint.InvokeAsync) { Scope = Scopes.Admin },
        new(QueueEndpoint.Path, ["GET"], QueueEndpoint.InvokeAsync) { Scope = Scopes.Admin },
        new(GenerationEndpoint.Below, ["GET", "DELETE"], GenerationEndpoint.InvokeAsync) { IsPrefix = true, Scope = Scopes.Infer },
        new(SessionEndpoints.Path, ["GET", "POST"], SessionEndpoints.CollectionAsync) { Scope = Scopes.Infer },
        new(SessionEndpoints.Below, ["GET", "POST", "PATCH", "DELETE"], SessionEndpoints.InvokeAsync) { IsPrefix = true, Scope = Scopes.Infer },
    ];
}
