namespace Chasqui;

/// <summary>Languages of HTTP APIs.</summary>
[Flags]
public enum Dialects
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Ollama's, under <c>/api/</c>.</summary>
    Ollama = 1,

    /// <summary>OpenAI's chats, completions, embeddings and models, under <c>/v1/</c>.</summary>
    OpenAi = 2,

    /// <summary>OpenAI's <c>/v1/responses</c>.</summary>
    OpenAiResponses = 4,

    /// <summary>Anthropic's <c>/v1/messages</c>.</summary>
    Anthropic = 8,

    /// <summary>Anthropic's <c>/v1/messages/count_tokens</c>, which few servers have.</summary>
    AnthropicCountTokens = 16,
}
