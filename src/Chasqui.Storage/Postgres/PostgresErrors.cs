using System.Net.Sockets;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>What PostgreSQL says, in words that an operator can act on.</summary>
internal static class PostgresErrors
{
    /// <summary>Whether it is trouble of the database, which <see cref="Of"/> tells.</summary>
    public static bool Is(Exception e) => e is NpgsqlException or SocketException or TimeoutException or IOException;

    public static SessionStoreException Of(Exception e, string place) => e is PostgresException known
        ? known.SqlState switch
        {
            PostgresErrorCodes.DiskFull or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded => new(StoreFault.Full, $"there is no room left at {place}; nothing was written", e),
            PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.QueryCanceled => new(StoreFault.Locked, $"{place} is locked by another program; nothing was written", e),
            PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted => new(StoreFault.Corrupt, $"{place} is damaged ({known.MessageText}); put back a copy of it", e),
            _ => new(StoreFault.Unavailable, $"{place} cannot be used: {known.MessageText} ({known.SqlState})", e),
        }
        : new(StoreFault.Unavailable, $"{place} cannot be reached: {e.Message.TrimEnd('.')}", e);
}
