using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The paths of the OpenAI API.</summary>
internal static class OpenAiRoutes
{
    private static readonly string[] _get = ["GET"];
    private static readonly string[] _post = ["POST"];

    public static IReadOnlyList<Route> All { get; } =
    [
        new("/v1/chat/completions", _post, ChatCompletionsEndpoint.InvokeAsync) { Form = OpenAiForm.Instance, Dialect = Dialects.OpenAi, Operation = "chat" },
        new("/v1/completions", _post, CompletionsEndpoint.InvokeAsync) { Form = OpenAiForm.Instance, Dialect = Dialects.OpenAi, Operation = "text_completion" },
        new("/v1/embeddings", _post, EmbeddingsEndpoint.InvokeAsync) { Form = OpenAiForm.Instance, NotFound = NotFoundWording.TryPulling, Dialect = Dialects.OpenAi, Operation = "embeddings" },
        new("/v1/responses", _post, ResponsesEndpoint.InvokeAsync) { Form = OpenAiForm.Instance, Dialect = Dialects.OpenAiResponses, Operation = "chat" },
        new(StoredResponseEndpoint.Below, ["GET", "DELETE", "POST"], StoredResponseEndpoint.InvokeAsync) { Form = OpenAiForm.Instance, IsPrefix = true, Scope = Scopes.Infer },
        new("/v1/models", _get, ModelsEndpoints.ListAsync) { Form = OpenAiForm.Instance },
        new(ModelsEndpoints.Prefix, _get, ModelsEndpoints.ShowAsync) { Form = OpenAiForm.Instance, NotFound = NotFoundWording.WithTag, IsPrefix = true },
    ];
}
