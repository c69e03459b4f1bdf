using Chasqui.Protocol.Messages;
using Chasqui.Protocol.Operations;

namespace Chasqui.Client;

/// <content>Models.</content>
public sealed partial class ChasquiClient
{
    /// <summary>The models that can be asked for.</summary>
    public Task<ModelList> ListModelsAsync(CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsList, new Empty(), ModelList.Parser, call, cancellationToken);

    /// <summary>Everything known of one model, without loading it.</summary>
    public Task<ModelDescription> ShowModelAsync(string model, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsShow, Name(model), ModelDescription.Parser, call, cancellationToken);

    /// <summary>The models in memory now.</summary>
    public Task<ResidentList> ListResidentModelsAsync(CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsPs, new Empty(), ResidentList.Parser, call, cancellationToken);

    /// <summary>Makes a model resident.</summary>
    public Task<ResidentModel> LoadModelAsync(LoadRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsLoad, request, ResidentModel.Parser, call, cancellationToken);

    /// <summary>Frees a model once its requests have ended.</summary>
    public Task<UnloadResponse> UnloadModelAsync(string model, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsUnload, Name(model), UnloadResponse.Parser, call, cancellationToken);

    /// <summary>Keeps a model in memory for good, or lets it go again after the usual time.</summary>
    public Task<ResidentModel> PinModelAsync(string model, bool unpin = false, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(
            Operation.ModelsPin, new PinRequest { Model = Name(model).Model, Unpin = unpin }, ResidentModel.Parser, call, cancellationToken);

    /// <summary>Fetches a model. A gateway that does not answers with status 501.</summary>
    public IAsyncEnumerable<PullProgress> PullModelAsync(string model, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.StreamAsync(Operation.ModelsPull, Name(model), PullProgress.Parser, call, cancellationToken);

    private static ModelName Name(string model)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        return new ModelName { Model = model };
    }
}
