using Chasqui.Gateway.Sessions;

namespace Chasqui.Gateway.Responses;

/// <summary>
/// Keeps the answers of OpenAI's responses API with what was asked, as long as they fit. All members are thread-safe; what fails for a reason that an operator can act
/// on is a <see cref="SessionStoreException"/>.
/// </summary>
public interface IResponseStore
{
    /// <summary>Keeps one, and forgets the oldest of the same tenant that are beyond the bounds. It is on the disk when this returns.</summary>
    /// <param name="response">The response; one of the same name is replaced.</param>
    /// <param name="bounds">How many, and how many bytes, a tenant may have.</param>
    /// <param name="cancellationToken">Gives up waiting for its turn.</param>
    Task KeepAsync(KeptResponse response, SessionOptions bounds, CancellationToken cancellationToken = default);

    /// <summary>What was kept; null where there is none, or none since a time.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The response.</param>
    /// <param name="since">The time.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<ReadOnlyMemory<byte>?> FindResponseAsync(string tenant, string id, DateTimeOffset since, CancellationToken cancellationToken = default);

    /// <summary>Forgets one.</summary>
    /// <returns>Whether it was there.</returns>
    Task<bool> RemoveResponseAsync(string tenant, string id, CancellationToken cancellationToken = default);

    /// <summary>Forgets all that were kept before a time.</summary>
    /// <returns>How many.</returns>
    Task<int> ForgetResponsesAsync(DateTimeOffset before, CancellationToken cancellationToken = default);
}

/// <summary>A response to be kept.</summary>
/// <param name="Tenant">Within whom it is seen: <see cref="Caller.Sharers"/>.</param>
/// <param name="Id">Its name.</param>
/// <param name="At">When.</param>
/// <param name="Body">What is kept of it.</param>
public sealed record KeptResponse(string Tenant, string Id, DateTimeOffset At, ReadOnlyMemory<byte> Body);
