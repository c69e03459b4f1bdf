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

    /// <summary>Fetches a model from its registry. The last item says <c>success</c>.</summary>
    public IAsyncEnumerable<PullProgress> PullModelAsync(string model, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        PullModelAsync(new TransferRequest { Model = Name(model).Model }, call, cancellationToken);

    /// <summary>Fetches a model from its registry. The last item says <c>success</c>.</summary>
    public IAsyncEnumerable<PullProgress> PullModelAsync(TransferRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.StreamAsync(Operation.ModelsPull, request, PullProgress.Parser, call, cancellationToken);

    /// <summary>Sends a model to its registry. The last item says <c>success</c>.</summary>
    public IAsyncEnumerable<PullProgress> PushModelAsync(TransferRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.StreamAsync(Operation.ModelsPush, request, PullProgress.Parser, call, cancellationToken);

    /// <summary>Makes a model of another one or of uploaded files. The last item says <c>success</c>.</summary>
    public IAsyncEnumerable<PullProgress> CreateModelAsync(CreateModelRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.StreamAsync(Operation.ModelsCreate, request, PullProgress.Parser, call, cancellationToken);

    /// <summary>Gives a model a second name.</summary>
    public Task CopyModelAsync(string source, string destination, CallOptions? call = null, CancellationToken cancellationToken = default)
    {
        var request = new CopyModelRequest { Source = Name(source).Model, Destination = Name(destination).Model };
        return _caller.UnaryAsync(Operation.ModelsCopy, request, Empty.Parser, call, cancellationToken);
    }

    /// <summary>Removes a model.</summary>
    public Task DeleteModelAsync(string model, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ModelsDelete, Name(model), Empty.Parser, call, cancellationToken);

    private static ModelName Name(string model)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        return new ModelName { Model = model };
    }
}
