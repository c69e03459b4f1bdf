using System.Runtime.CompilerServices;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway;

/// <summary>The engine of one node for one attempt: asks for the model by the node's name for it, holds options to their rules, and tells the attempt how far it is.</summary>
/// <param name="lease">The attempt. Its token is what cancels; those of the calls are its caller's anyway.</param>
/// <param name="policy">The rules for options; null for none.</param>
/// <param name="changed">Told what they changed, before anything is sent.</param>
public sealed class LeasedEngine(NodeLease lease, OptionPolicy? policy = null, Action<IReadOnlyList<OptionChange>>? changed = null) : IEngine
{
    private IEngine Inner => lease.Node.Connection.Engine;

    /// <inheritdoc/>
    public string Name => Inner.Name;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (options, keepAlive) = Shape(request.Options, request.KeepAlive);
        return StreamAsync(Inner.GenerateAsync(request with { Model = lease.ModelName, Options = options, KeepAlive = keepAlive }, lease.Token), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (options, keepAlive) = Shape(request.Options, request.KeepAlive);
        return StreamAsync(Inner.ChatAsync(request with { Model = lease.ModelName, Options = options, KeepAlive = keepAlive }, lease.Token), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (options, keepAlive) = Shape(request.Options, request.KeepAlive);
        return CallAsync(Inner.EmbedAsync(request with { Model = lease.ModelName, Options = options, KeepAlive = keepAlive }, lease.Token));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return CallAsync(Inner.TokenizeAsync(request with { Model = lease.ModelName }, lease.Token));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => CallAsync(Inner.ListAsync(lease.Token));

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => CallAsync(Inner.ShowAsync(lease.ModelName, lease.Token));

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (options, keepAlive) = Shape(request.Options, request.KeepAlive);
        return CallAsync(Inner.LoadAsync(request with { Model = lease.ModelName, Options = options, KeepAlive = keepAlive }, lease.Token));
    }

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => CallAsync(Inner.UnloadAsync(lease.ModelName, lease.Token));

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => CallAsync(Inner.ListResidentAsync(lease.Token));

    /// <summary>Nothing of its own is held.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private (GenerationOptions Options, TimeSpan? KeepAlive) Shape(GenerationOptions options, TimeSpan? keepAlive)
    {
        var rules = keepAlive is null ? policy : lease.Hold(policy);
        if (rules is null)
            return (options, keepAlive);
        var changes = new List<OptionChange>();
        options = rules.Apply(options, changes);
        keepAlive = rules.ApplyKeepAlive(keepAlive, changes);
        if (changes.Count > 0)
            changed?.Invoke(changes);
        return (options, keepAlive);
    }

    private async Task<T> CallAsync<T>(Task<T> call)
    {
        try
        {
            var answer = await call.ConfigureAwait(false);
            lease.Progressed();
            return answer;
        }
        catch (OperationCanceledException) when (lease.Explain() is { } late)
        {
            throw late;
        }
    }

    private async IAsyncEnumerable<GenerationUpdate> StreamAsync(IAsyncEnumerable<GenerationUpdate> stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = stream.GetAsyncEnumerator(lease.Token);
        await using (updates.ConfigureAwait(false))
        {
            while (await NextAsync(updates).ConfigureAwait(false))
            {
                lease.Progressed();
                if (updates.Current.Result is { } result)
                    lease.Tokens = result.PromptTokens + result.CompletionTokens;
                lease.BeginClientWait();
                yield return updates.Current;
                lease.EndClientWait();
            }
        }
    }

    private async ValueTask<bool> NextAsync(IAsyncEnumerator<GenerationUpdate> updates)
    {
        try
        {
            return await updates.MoveNextAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (lease.Explain() is { } late)
        {
            throw late;
        }
    }
}
