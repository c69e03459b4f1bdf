using Chasqui.Gateway;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Finds who changes models.</summary>
internal static class ManagerOf
{
    /// <exception cref="InvalidRequestException">The engine's models are not changed through it.</exception>
    public static IModelManager Request(ApiContext api, HttpContext http) =>
        api.Gate.Guard(Engine(api.Engine, http.Request.Headers[DispatchEndpoint.NodeHeader] is [{ Length: > 0 } node, ..] ? node : null));

    /// <exception cref="InvalidRequestException">The engine's models are not changed through it.</exception>
    /// <param name="engine">All nodes, or an engine alone.</param>
    /// <param name="node">The node that was asked for; null for none.</param>
    public static IModelManager Engine(IEngine engine, string? node) => (engine is NodesEngine nodes ? nodes.ManagerOn(node) : engine as IModelManager)
        ?? throw new InvalidRequestException($"the engine {engine.Name} does not manage models: pull, push, create, copy, delete and blobs are not there");
}
