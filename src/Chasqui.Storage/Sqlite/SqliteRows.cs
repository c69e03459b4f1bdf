using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>Rows as what they stand for. Times are ticks of 100 ns since the year 1, UTC.</summary>
internal static class SqliteRows
{
    /// <summary>The columns of <see cref="Session"/>.</summary>
    public const string Select = "SELECT id, version, deleted, created_at, updated_at, messages, tokens, title, model, mode, policy, max_tokens, origin_id, origin_version";

    public static bool IsDeleted(SqliteDataReader row) => row.GetInt64(2) != 0;

    public static Session Session(string tenant, SqliteDataReader row) => new()
    {
        Key = new SessionKey(tenant, row.GetString(0)),
        Version = row.GetInt64(1),
        CreatedAt = Time(row.GetInt64(3)),
        UpdatedAt = Time(row.GetInt64(4)),
        Messages = row.GetInt32(5),
        Tokens = row.GetInt64(6),
        Settings = new SessionSettings
        {
            Title = row.GetString(7),
            Model = row.GetString(8),
            Mode = (SyncMode)row.GetInt32(9),
            Policy = (ContextPolicy)row.GetInt32(10),
            MaxTokens = row.IsDBNull(11) ? null : row.GetInt32(11),
        },
        Origin = row.IsDBNull(12) ? null : new SessionOrigin(row.GetString(12), row.GetInt64(13)),
    };

    public static long Ticks(DateTimeOffset time) => time.UtcTicks;

    public static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
}
