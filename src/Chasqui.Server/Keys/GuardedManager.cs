using Chasqui.Engines.Models.Managed;

namespace Chasqui.Server;

/// <summary>Changes only the models that the caller may use, and only with registries that are listed. Thread-safe.</summary>
internal sealed class GuardedManager(IModelManager inner, CallerGate gate, IReadOnlyList<string> registries) : IModelManager
{
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        gate.Ensure(request.Model);
        RegistryList.Ensure(request.Model, registries);
        return inner.PullAsync(request, cancellationToken);
    }

    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        gate.Ensure(request.Model);
        RegistryList.Ensure(request.Model, registries);
        return inner.PushAsync(request, cancellationToken);
    }

    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default)
    {
        gate.Ensure(request.Model);
        gate.Ensure(request.From ?? "");
        // What is not there is pulled.
        RegistryList.Ensure(request.From ?? "", registries);
        return inner.CreateAsync(request, cancellationToken);
    }

    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default)
    {
        gate.Ensure(source);
        gate.Ensure(destination);
        return inner.CopyAsync(source, destination, cancellationToken);
    }

    public Task DeleteAsync(string model, CancellationToken cancellationToken = default)
    {
        gate.Ensure(model);
        return inner.DeleteAsync(model, cancellationToken);
    }

    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default) => inner.HasBlobAsync(digest, cancellationToken);

    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default) => inner.WriteBlobAsync(digest, content, cancellationToken);
}
