using System.Data.Common;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage;

/// <summary>Rows as what they stand for, the same in each database. Times are ticks of 100 ns since the year 1, UTC.</summary>
internal static class SessionRows
{
    /// <summary>The columns of <see cref="Session"/>.</summary>
    public const string Select = "SELECT id, version, deleted, created_at, updated_at, messages, tokens, title, model, mode, policy, max_tokens, origin_id, origin_version, bytes";

    /// <summary>The columns of <see cref="Change"/>.</summary>
    public const string SelectChange = "SELECT version, kind, at, body";

    /// <summary>Changes after a version.</summary>
    public const string After = SelectChange + " FROM changes WHERE tenant = $1 AND id = $2 AND version > $3 ORDER BY version LIMIT $4";

    /// <summary>Changes before a version.</summary>
    public const string Before = SelectChange + " FROM changes WHERE tenant = $1 AND id = $2 AND version < $3 ORDER BY version DESC LIMIT $4";

    /// <summary>Changes between two versions that hold a system turn.</summary>
    public const string SystemBetween = SelectChange + " FROM changes WHERE tenant = $1 AND id = $2 AND version > $3 AND version < $4 AND has_system = 1 ORDER BY version";

    public static bool IsDeleted(DbDataReader row) => row.GetInt64(2) != 0;

    public static Session Session(string tenant, DbDataReader row) => new()
    {
        Key = new SessionKey(tenant, row.GetString(0)),
        Version = row.GetInt64(1),
        CreatedAt = Time(row.GetInt64(3)),
        UpdatedAt = Time(row.GetInt64(4)),
        Messages = (int)row.GetInt64(5),
        Tokens = row.GetInt64(6),
        Settings = new SessionSettings
        {
            Title = row.GetString(7),
            Model = row.GetString(8),
            Mode = (SyncMode)row.GetInt64(9),
            Policy = (ContextPolicy)row.GetInt64(10),
            MaxTokens = row.IsDBNull(11) ? null : (int)row.GetInt64(11),
        },
        Bytes = row.GetInt64(14),
        Origin = row.IsDBNull(12) ? null : new SessionOrigin(row.GetString(12), row.GetInt64(13)),
    };

    /// <summary>A change, and the bytes of its body.</summary>
    public static (SessionChange Change, int Bytes) Change(SessionKey key, DbDataReader row)
    {
        var body = row.GetFieldValue<byte[]>(3);
        var change = new SessionChange { Key = key, Version = row.GetInt64(0), Kind = (ChangeKind)row.GetInt64(1), At = Time(row.GetInt64(2)) };
        return (SessionJson.ReadBody(body, change), body.Length);
    }

    /// <summary>The values of a session's row, in the order of its columns.</summary>
    public static object[] Values(Session session, bool isDeleted)
    {
        var (settings, origin) = (session.Settings, session.Origin);
        return
        [
            session.Key.Tenant, session.Key.Id, session.Version, isDeleted ? 1L : 0L, Ticks(session.CreatedAt), Ticks(session.UpdatedAt), (long)session.Messages, session.Tokens,
            settings.Title, settings.Model, (long)settings.Mode, (long)settings.Policy, settings.MaxTokens is { } tokens ? (long)tokens : DBNull.Value,
            (object?)origin?.Id ?? DBNull.Value, (object?)origin?.Version ?? DBNull.Value, session.Bytes,
        ];
    }

    /// <summary>The values of a change's row, in the order of its columns.</summary>
    public static object[] Values(SessionChange change, long tokens, ReadOnlyMemory<byte> body) =>
        [change.Key.Tenant, change.Key.Id, change.Version, (long)change.Kind, Ticks(change.At), (long)change.Messages.Count, tokens, body.ToArray(), change.Messages.Any(SessionContext.IsSystem) ? 1L : 0L];

    /// <summary>How much a tenant keeps.</summary>
    public const string UsageOf = """
        SELECT CAST(coalesce(sum(1 - deleted), 0) AS BIGINT), CAST(coalesce(sum((1 - deleted) * messages), 0) AS BIGINT), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM sessions WHERE tenant = $1
        """;

    /// <summary>How much all keep, with the responses.</summary>
    public const string UsageOfAll = """
        SELECT CAST(coalesce(sum(1 - deleted), 0) AS BIGINT), CAST(coalesce(sum((1 - deleted) * messages), 0) AS BIGINT),
            CAST(coalesce(sum(bytes), 0) + (SELECT coalesce(sum(bytes), 0) FROM responses) AS BIGINT) FROM sessions
        """;

    public static SessionUsage Usage(DbDataReader row) => new(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2));

    public static long Ticks(DateTimeOffset time) => time.UtcTicks;

    public static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
}
