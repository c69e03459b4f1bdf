namespace Chasqui;

/// <summary>There is no session of this name, for whoever asks.</summary>
/// <param name="id">The name.</param>
public sealed class SessionNotFoundException(string id) : EngineException($"session \"{id}\" not found")
{
    /// <summary>The name.</summary>
    public string Id { get; } = id;
}

/// <summary>The name of a new session is taken, or was once.</summary>
/// <param name="id">The name.</param>
public sealed class SessionExistsException(string id) : EngineException($"session \"{id}\" exists already, or did; choose another name, or none");

/// <summary>The session is no longer, or never was, at the version that the writer saw. Nothing was written.</summary>
/// <param name="id">The session.</param>
/// <param name="seen">The version that the writer named; null where it named none, and somebody else was faster.</param>
/// <param name="current">The version that it has.</param>
public sealed class SessionConflictException(string id, long? seen, long current)
    : EngineException(FormattableString.Invariant($"session \"{id}\" is at version {current}{(seen is { } version ? FormattableString.Invariant($", not at {version}") : "")}; read what is new and try again"))
{
    /// <summary>The version that it has.</summary>
    public long Current { get; } = current;
}
