using System.Runtime.CompilerServices;
using Chasqui.Client;
using Chasqui.Engines.Wire;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Remote;

/// <summary>An engine in another process or on another machine that speaks MCP/1.</summary>
/// <param name="client">The connection.</param>
/// <param name="name">For logs and errors. Default: where it is.</param>
/// <param name="ownsClient">Whether <see cref="DisposeAsync"/> disposes the client too. Default true.</param>
public sealed class RemoteEngine(ChasquiClient client, string? name = null, bool ownsClient = true) : IEngine, IModelManager
{
    /// <inheritdoc/>
    public string Name => name ?? client.Endpoint;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.GenerateAsync(WireRequests.ToWire(request), Call(), cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.ChatAsync(WireRequests.ToWire(request), Call(), cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) =>
        WireUpdates.FromWire(await CallAsync(client.EmbedAsync(WireRequests.ToWire(request), Call(), cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.TokenizeAsync(WireRequests.ToWire(request), Call(), cancellationToken)).ConfigureAwait(false)).Tokens];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.ListModelsAsync(Call(), cancellationToken)).ConfigureAwait(false)).Models.Select(WireModels.FromWire)];

    /// <inheritdoc/>
    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) =>
        WireModels.FromWire(await CallAsync(client.ShowModelAsync(Named(model), Call(), cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) =>
        WireModels.FromWire(await CallAsync(client.LoadModelAsync(WireRequests.ToWire(request), Call(), cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) =>
        (await CallAsync(client.UnloadModelAsync(Named(model), Call(), cancellationToken)).ConfigureAwait(false)).WasResident;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.ListResidentModelsAsync(Call(), cancellationToken)).ConfigureAwait(false)).Models.Select(WireModels.FromWire)];

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.PullModelAsync(WireManagement.ToWire(request), null, cancellationToken), WireManagement.FromWire, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.PushModelAsync(WireManagement.ToWire(request), null, cancellationToken), WireManagement.FromWire, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.CreateModelAsync(WireManagement.ToWire(request), null, cancellationToken), WireManagement.FromWire, cancellationToken);

    /// <inheritdoc/>
    public async Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default) =>
        await CallAsync(Done(client.CopyModelAsync(Named(source), Named(destination), null, cancellationToken))).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task DeleteAsync(string model, CancellationToken cancellationToken = default) =>
        await CallAsync(Done(client.DeleteModelAsync(Named(model), null, cancellationToken))).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default)
    {
        var answer = await CallAsync(client.HttpAsync("HEAD", $"/api/blobs/{Uri.EscapeDataString(digest)}", cancellationToken: cancellationToken)).ConfigureAwait(false);
        await using (answer.ConfigureAwait(false))
        {
            return answer.Status switch
            {
                200 => true,
                404 => false,
                400 => throw new InvalidRequestException("invalid digest format"),
                var status => throw new EngineFailedException($"{Name} answered with status {status} when it was asked for a blob"),
            };
        }
    }

    /// <inheritdoc/>
    public async Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        var answer = await CallAsync(client.UploadAsync($"/api/blobs/{Uri.EscapeDataString(digest)}", content, null, cancellationToken)).ConfigureAwait(false);
        await using (answer.ConfigureAwait(false))
        {
            if (answer.Status is 200 or 201)
                return;
            var text = HttpErrorText.Of(await CallAsync(answer.ReadBodyAsync(1 << 20, cancellationToken)).ConfigureAwait(false)) ?? $"{Name} answered with status {answer.Status}";
            throw answer.Status < 500 ? new InvalidRequestException(text) : new EngineFailedException(text);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ownsClient ? client.DisposeAsync() : ValueTask.CompletedTask;

    /// <summary>The id and the trace of the request that this is done for.</summary>
    internal static CallOptions? Call() => RequestContext.Current is { } request
        ? new CallOptions { RequestId = request.RequestId, TraceParent = request.TraceParent, TraceState = request.TraceState }
        : null;

    private static string Named(string model) => string.IsNullOrEmpty(model) ? throw new InvalidModelNameException(model ?? "") : model;

    private static async Task<bool> Done(Task call)
    {
        await call.ConfigureAwait(false);
        return true;
    }

    internal static async Task<T> CallAsync<T>(Task<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (ClientException e)
        {
            throw RemoteErrors.ToEngine(e);
        }
        catch (ObjectDisposedException e)
        {
            throw Stopping(e);
        }
    }

    private static IAsyncEnumerable<GenerationUpdate> StreamAsync(
        Func<IAsyncEnumerable<Messages.GenerationUpdate>> call, CancellationToken cancellationToken) => StreamAsync(call, WireUpdates.FromWire, cancellationToken);

    private static async IAsyncEnumerable<TTo> StreamAsync<TFrom, TTo>(
        Func<IAsyncEnumerable<TFrom>> call, Func<TFrom, TTo> map, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = call().GetAsyncEnumerator(cancellationToken);
        await using (updates.ConfigureAwait(false))
        {
            while (await NextAsync(updates).ConfigureAwait(false))
                yield return map(updates.Current);
        }
    }

    private static async ValueTask<bool> NextAsync<T>(IAsyncEnumerator<T> updates)
    {
        try
        {
            return await updates.MoveNextAsync().ConfigureAwait(false);
        }
        catch (ClientException e)
        {
            throw RemoteErrors.ToEngine(e);
        }
        catch (ObjectDisposedException e)
        {
            throw Stopping(e);
        }
    }

    private static EngineUnavailableException Stopping(Exception inner) => new("the engine is stopping", inner);
}
