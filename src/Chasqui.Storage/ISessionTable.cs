using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage;

/// <summary>What the rules of writing need of a database, within one transaction. For one caller.</summary>
internal interface ISessionTable
{
    /// <summary>The session, and whether it was deleted; null where there never was one. Nobody else changes it before the transaction ends.</summary>
    ValueTask<(Session Session, bool IsDeleted)?> FindAsync(SessionKey key);

    /// <summary>Adds a change, and replaces the session by what it is then.</summary>
    ValueTask PutAsync(Session session, SessionChange change, long tokens, ReadOnlyMemory<byte> body);

    /// <summary>Copies changes up to a version to another session.</summary>
    /// <returns>Changes that were copied, their turns and tokens, and the bytes of their bodies.</returns>
    ValueTask<(long Changes, int Messages, long Tokens, long Bytes)> CopyAsync(SessionKey from, SessionKey to, long version);

    /// <summary>Removes all changes of a session.</summary>
    ValueTask ClearAsync(SessionKey key);
}
