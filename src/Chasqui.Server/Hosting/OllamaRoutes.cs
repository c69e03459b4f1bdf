using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The paths of the Ollama API and our own beside it.</summary>
internal static class OllamaRoutes
{
    private static readonly string[] _get = ["GET"];
    private static readonly string[] _head = ["HEAD", "GET"];
    private static readonly string[] _post = ["POST"];

    public static IReadOnlyList<Route> All { get; } =
    [
        new("/", _head, VersionEndpoint.RootAsync),
        new("/api/version", _head, VersionEndpoint.InvokeAsync),
        new("/api/status", _get, VersionEndpoint.StatusAsync),
        new("/api/tags", _head, ListEndpoints.TagsAsync),
        new("/api/ps", _get, ListEndpoints.ResidentAsync),
        new("/api/show", _post, ShowEndpoint.InvokeAsync) { NotFound = NotFoundWording.WithTag, Dialect = Dialects.Ollama },
        new("/api/generate", _post, GenerateEndpoint.InvokeAsync) { Dialect = Dialects.Ollama, Operation = "text_completion" },
        new("/api/chat", _post, ChatEndpoint.InvokeAsync) { Dialect = Dialects.Ollama, Operation = "chat" },
        new("/api/embed", _post, EmbedEndpoint.InvokeAsync) { NotFound = NotFoundWording.TryPulling, Dialect = Dialects.Ollama, Operation = "embeddings" },
        new("/api/embeddings", _post, EmbedEndpoint.InvokeOldAsync) { NotFound = NotFoundWording.TryPulling, Dialect = Dialects.Ollama, Operation = "embeddings" },
        new("/api/pull", _post, TransferEndpoints.PullAsync) { Scope = Scopes.Models },
        new("/api/push", _post, TransferEndpoints.PushAsync) { Scope = Scopes.Models },
        new("/api/create", _post, CreateEndpoint.InvokeAsync) { Scope = Scopes.Models },
        new("/api/copy", _post, CopyEndpoint.InvokeAsync) { NotFound = NotFoundWording.Quoted, Scope = Scopes.Models },
        new("/api/delete", ["DELETE"], DeleteEndpoint.InvokeAsync) { Scope = Scopes.Models },
        new(BlobEndpoint.Path, ["HEAD", "POST"], BlobEndpoint.InvokeAsync) { StreamsBody = true, IsPrefix = true, Scope = Scopes.Models },
        new("/infer", _post, InferEndpoint.InvokeAsync) { Scope = Scopes.Infer },
        new(HealthEndpoint.Path, _head, HealthEndpoint.InvokeAsync),
    ];
}
