using Chasqui.Protocol.Messages;
using Microsoft.Extensions.AI;

namespace Chasqui.Client;

/// <summary>Embeddings for Microsoft.Extensions.AI. Thread-safe; does not own its client.</summary>
public sealed class ChasquiEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly ChasquiClient _client;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <summary>Embeds over a client.</summary>
    /// <param name="client">Stays the caller's.</param>
    /// <param name="defaultModel">The model when a request names none; null for the client's own.</param>
    public ChasquiEmbeddingGenerator(ChasquiClient client, string? defaultModel = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _metadata = new EmbeddingGeneratorMetadata("chasqui", ProviderUri.Of(client), defaultModel ?? client.Options.DefaultModel);
    }

    /// <inheritdoc/>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        var request = new EmbedRequest
        {
            Model = options?.ModelId ?? _metadata.DefaultModelId
                ?? throw new InvalidOperationException("no model: set EmbeddingGenerationOptions.ModelId or the client's default model"),
        };
        if (options?.Dimensions is { } dimensions)
            request.Dimensions = dimensions;
        request.Inputs.AddRange(values);
        var answer = await _client.EmbedAsync(request, call: null, cancellationToken).ConfigureAwait(false);
        var now = DateTimeOffset.UtcNow;
        return new GeneratedEmbeddings<Embedding<float>>(
            answer.Vectors.Select(v => new Embedding<float>(v.Values.ToArray()) { ModelId = request.Model, CreatedAt = now }))
        {
            Usage = new UsageDetails { InputTokenCount = answer.PromptTokens, TotalTokenCount = answer.PromptTokens },
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(_client) ? _client
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Does nothing: the client is the caller's.</summary>
    public void Dispose()
    {
    }
}
