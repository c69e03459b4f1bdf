using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>One path: its methods in the order in which <c>Allow</c> names them, and what answers them.</summary>
internal sealed record Route(string Path, string[] Methods, Func<ApiContext, HttpContext, Task> Handler)
{
    /// <summary>How a missing model is worded here.</summary>
    public NotFoundWording NotFound { get; init; }
}

/// <summary>The paths of the Ollama API and our own beside it, matched as gin matches them: exactly, case and all.</summary>
internal static class OllamaRoutes
{
    private static readonly string[] _get = ["GET"];
    private static readonly string[] _head = ["HEAD", "GET"];
    private static readonly string[] _post = ["POST"];

    public static FrozenDictionary<string, Route> All { get; } = new Route[]
    {
        new("/", _head, VersionEndpoint.RootAsync),
        new("/api/version", _head, VersionEndpoint.InvokeAsync),
        new("/api/status", _get, VersionEndpoint.StatusAsync),
        new("/api/tags", _head, ListEndpoints.TagsAsync),
        new("/api/ps", _get, ListEndpoints.ResidentAsync),
        new("/api/show", _post, ShowEndpoint.InvokeAsync) { NotFound = NotFoundWording.WithTag },
        new("/api/generate", _post, GenerateEndpoint.InvokeAsync),
        new("/api/chat", _post, ChatEndpoint.InvokeAsync),
        new("/api/embed", _post, EmbedEndpoint.InvokeAsync) { NotFound = NotFoundWording.TryPulling },
        new("/api/embeddings", _post, EmbedEndpoint.InvokeOldAsync) { NotFound = NotFoundWording.TryPulling },
        new("/infer", _post, InferEndpoint.InvokeAsync),
        new(HealthEndpoint.Path, _head, HealthEndpoint.InvokeAsync),
    }.ToFrozenDictionary(route => route.Path, StringComparer.Ordinal);
}
