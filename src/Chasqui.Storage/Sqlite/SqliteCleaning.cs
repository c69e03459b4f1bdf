using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>Lets what was deleted leave the file: its pages, and the write-ahead log that still has them.</summary>
internal static class SqliteCleaning
{
    /// <summary>Gives free pages back to the disk, and empties the log. Readers who are at work keep their pages until the next time.</summary>
    public static void Run(SqliteConnection connection)
    {
        try
        {
            Do(connection, "PRAGMA incremental_vacuum");
            Do(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException)
        {
            // What was deleted is deleted. A full disk or a lock leaves the room for the next time.
            return;
        }
    }

    /// <summary>Makes a file of an older version one that gives pages back, and drops the text that is left in its free pages.</summary>
    public static void Convert(SqliteConnection connection)
    {
        using var asked = connection.CreateCommand();
        asked.CommandText = "PRAGMA auto_vacuum";
        if (asked.ExecuteScalar() is 2L)
            return;
        try
        {
            Do(connection, "PRAGMA auto_vacuum = INCREMENTAL");
            Do(connection, "VACUUM");
            Do(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException)
        {
            // There is no room for a second copy, or another program reads it; it stays as it is until the next start.
            return;
        }
    }

    private static void Do(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        // It is done as far as its rows are read.
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            _ = rows.FieldCount;
        }
    }
}
