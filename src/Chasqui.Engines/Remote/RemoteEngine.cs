using System.Runtime.CompilerServices;
using Chasqui.Client;
using Chasqui.Engines.Wire;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Remote;

/// <summary>An engine in another process or on another machine that speaks MCP/1.</summary>
/// <param name="client">The connection.</param>
/// <param name="name">For logs and errors. Default: where it is.</param>
/// <param name="ownsClient">Whether <see cref="DisposeAsync"/> disposes the client too. Default true.</param>
public sealed class RemoteEngine(ChasquiClient client, string? name = null, bool ownsClient = true) : IEngine
{
    /// <inheritdoc/>
    public string Name => name ?? client.Endpoint;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.GenerateAsync(WireRequests.ToWire(request), null, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(() => client.ChatAsync(WireRequests.ToWire(request), null, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) =>
        WireUpdates.FromWire(await CallAsync(client.EmbedAsync(WireRequests.ToWire(request), null, cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.TokenizeAsync(WireRequests.ToWire(request), null, cancellationToken)).ConfigureAwait(false)).Tokens];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.ListModelsAsync(null, cancellationToken)).ConfigureAwait(false)).Models.Select(WireModels.FromWire)];

    /// <inheritdoc/>
    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) =>
        WireModels.FromWire(await CallAsync(client.ShowModelAsync(Named(model), null, cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) =>
        WireModels.FromWire(await CallAsync(client.LoadModelAsync(WireRequests.ToWire(request), null, cancellationToken)).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) =>
        (await CallAsync(client.UnloadModelAsync(Named(model), null, cancellationToken)).ConfigureAwait(false)).WasResident;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        [.. (await CallAsync(client.ListResidentModelsAsync(null, cancellationToken)).ConfigureAwait(false)).Models.Select(WireModels.FromWire)];

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ownsClient ? client.DisposeAsync() : ValueTask.CompletedTask;

    private static string Named(string model) => string.IsNullOrEmpty(model) ? throw new InvalidModelNameException(model ?? "") : model;

    private static async Task<T> CallAsync<T>(Task<T> call)
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

    private static async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        Func<IAsyncEnumerable<Messages.GenerationUpdate>> call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = call().GetAsyncEnumerator(cancellationToken);
        await using (updates.ConfigureAwait(false))
        {
            while (await NextAsync(updates).ConfigureAwait(false))
                yield return WireUpdates.FromWire(updates.Current);
        }
    }

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<Messages.GenerationUpdate> updates)
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
