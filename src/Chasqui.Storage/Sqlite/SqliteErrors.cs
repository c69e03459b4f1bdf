using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Chasqui.Storage;

/// <summary>What SQLite says, in words that an operator can act on.</summary>
internal static class SqliteErrors
{
    public static SessionStoreException Of(SqliteException e, string path) => e.SqliteErrorCode switch
    {
        raw.SQLITE_FULL => new(StoreFault.Full, $"there is no room left for {path}; nothing was written", e),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new(StoreFault.Locked, $"{path} is locked by another program; nothing was written", e),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new(StoreFault.Corrupt, $"{path} is damaged ({e.Message}); put back a copy of it, or move it away to begin with none", e),
        raw.SQLITE_READONLY => new(StoreFault.Unavailable, $"{path} cannot be written to; check its permissions", e),
        _ => new(StoreFault.Unavailable, $"{path} cannot be used: {e.Message}", e),
    };
}
