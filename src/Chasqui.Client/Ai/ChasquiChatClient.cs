using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using WireReason = Chasqui.Protocol.Messages.FinishReason;

namespace Chasqui.Client;

/// <summary>Chats for Microsoft.Extensions.AI. Tools are refused with <see cref="NotSupportedException"/>. Thread-safe; does not own its client.</summary>
public sealed class ChasquiChatClient : IChatClient
{
    private readonly ChasquiClient _client;
    private readonly ChatClientMetadata _metadata;

    /// <summary>Chats over a client.</summary>
    /// <param name="client">Stays the caller's.</param>
    /// <param name="defaultModel">The model when a request names none; null for the client's own.</param>
    public ChasquiChatClient(ChasquiClient client, string? defaultModel = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _metadata = new ChatClientMetadata("chasqui", ProviderUri.Of(client), defaultModel ?? client.Options.DefaultModel);
    }

    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        // Wrong arguments are told at the call, not at the first update.
        var request = ChatMapping.ToWire(messages, options, _metadata.DefaultModelId);
        return StreamAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(_client) ? _client
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Does nothing: the client is the caller's.</summary>
    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        Protocol.Messages.ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var id = Guid.NewGuid().ToString("N");
        await foreach (var part in _client.ChatAsync(request, call: null, cancellationToken).ConfigureAwait(false))
        {
            var update = new ChatResponseUpdate
            {
                Role = ChatRole.Assistant,
                ModelId = request.Model,
                ResponseId = id,
                MessageId = id,
                CreatedAt = DateTimeOffset.UtcNow,
                RawRepresentation = part,
            };
            if (part.Thinking.Length > 0)
                update.Contents.Add(new TextReasoningContent(part.Thinking));
            if (part.Text.Length > 0)
                update.Contents.Add(new TextContent(part.Text));
            if (part.Result is { } result)
            {
                update.FinishReason = result.Reason == WireReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;
                update.Contents.Add(new UsageContent(new UsageDetails
                {
                    InputTokenCount = result.PromptTokens,
                    OutputTokenCount = result.CompletionTokens,
                    TotalTokenCount = result.PromptTokens + (long)result.CompletionTokens,
                    CachedInputTokenCount = result.CachedPromptTokens,
                    ReasoningTokenCount = result.ReasoningTokens,
                }));
            }

            yield return update;
        }
    }
}
