using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What is learnt of a request while it is answered, for its log line and for the form of an error.</summary>
internal sealed class RequestState
{
    public string Model { get; set; } = "";

    public int PromptTokens { get; set; }

    public int CompletionTokens { get; set; }

    /// <summary>How this endpoint says that there is no such model.</summary>
    public NotFoundWording NotFound { get; init; }

    public static RequestState Of(HttpContext http) => http.Features.Get<RequestState>()
        ?? throw new InvalidOperationException("the request has no state: RequestLog must come first");
}

/// <summary>The three wordings of Ollama's 404, which clients match on.</summary>
internal enum NotFoundWording
{
    /// <summary><c>model 'nope' not found</c></summary>
    AsAsked,

    /// <summary><c>model 'nope:latest' not found</c></summary>
    WithTag,

    /// <summary><c>model "nope" not found, try pulling it first</c></summary>
    TryPulling,
}
