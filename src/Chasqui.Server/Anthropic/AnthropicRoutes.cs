using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The paths of Anthropic's API.</summary>
internal static class AnthropicRoutes
{
    private static readonly string[] _post = ["POST"];

    public static IReadOnlyList<Route> All { get; } =
    [
        new("/v1/messages", _post, MessagesEndpoint.InvokeAsync) { Form = AnthropicForm.Instance, Dialect = Dialects.Anthropic, Operation = "chat" },
        new("/v1/messages/count_tokens", _post, CountTokensEndpoint.InvokeAsync) { Form = AnthropicForm.Instance, Dialect = Dialects.AnthropicCountTokens, Scope = Scopes.Infer },
    ];
}
