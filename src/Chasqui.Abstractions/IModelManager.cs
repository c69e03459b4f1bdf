namespace Chasqui;

/// <summary>Changes the models that a node keeps: fetches, makes, copies and removes them. An engine that can do it implements this beside <see cref="IEngine"/>.</summary>
/// <remarks>
/// <para>All members are thread-safe and throw an <see cref="EngineException"/> for what a caller can act on.</para>
/// <para>A stream of progress ends after an item whose <see cref="ModelProgress.Status"/> is <c>success</c>, or with an exception. Cancelling it stops the work;
/// what was fetched so far is kept where the node can go on from it.</para>
/// </remarks>
public interface IModelManager
{
    /// <summary>Fetches a model from its registry.</summary>
    /// <exception cref="EngineFailedException">The registry cannot be reached, or has no such model.</exception>
    IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default);

    /// <summary>Sends a model to its registry.</summary>
    /// <exception cref="ModelNotFoundException">No model has this name.</exception>
    IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default);

    /// <summary>Makes a model of another one or of uploaded files. One of the same name is replaced.</summary>
    /// <exception cref="InvalidRequestException">The request names no source, or something it names is not there.</exception>
    IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default);

    /// <summary>Gives a model a second name.</summary>
    /// <exception cref="ModelNotFoundException">No model has the name of the source.</exception>
    /// <exception cref="InvalidModelNameException">A name is not of the right form.</exception>
    Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default);

    /// <summary>Removes a model. One in memory stays there until it is unloaded.</summary>
    /// <exception cref="ModelNotFoundException">No model has this name.</exception>
    /// <exception cref="InvalidRequestException">It is in a place that is only read.</exception>
    Task DeleteAsync(string model, CancellationToken cancellationToken = default);

    /// <summary>Whether there is a blob with this digest.</summary>
    /// <param name="digest"><c>sha256:</c> and 64 hex digits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default);

    /// <summary>Keeps a blob for a later <see cref="CreateAsync"/>.</summary>
    /// <param name="digest"><c>sha256:</c> and 64 hex digits.</param>
    /// <param name="content">Its bytes; read to the end, not disposed.</param>
    /// <param name="cancellationToken">Gives up; nothing is kept then.</param>
    /// <exception cref="InvalidRequestException">The bytes have another digest.</exception>
    Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default);
}
