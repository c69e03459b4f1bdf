using System.Globalization;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Sessions</c>.</summary>
internal static class SessionKeys
{
    private static readonly SessionOptions _default = new();
    private static readonly TimeSpan _millisecond = TimeSpan.FromMilliseconds(1);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("Sessions:Database", false, "string", "", "empty for a file in the data folder, or how to reach a PostgreSQL, such as Host=db;Username=chasqui;Password=…;Database=chasqui",
            "Where sessions are kept. Several gateways can share a PostgreSQL.", (options, values) => options with { SessionDatabase = values[0].Trim() }),
        new("Sessions:Mode", false, "string", SessionJson.NameOf(_default.Mode), "immediate, batched or local",
            "When writes to a new session are acknowledged that does not say: committed alone, committed with others, or before they are committed.",
            (options, values) => ModeOf(values[0]) is { } mode ? options with { Sessions = options.Sessions with { Mode = mode } } : null)
        { Choices = ["immediate", "batched", "local"] },
        new("Sessions:Policy", false, "string", SessionJson.NameOf(_default.Policy), "keep-all, keep-last or refuse",
            "What a new session does that does not say, when it is longer than its model's context.",
            (options, values) => PolicyOf(values[0]) is { } policy ? options with { Sessions = options.Sessions with { Policy = policy } } : null)
        { Choices = ["keep-all", "keep-last", "refuse"] },
        Whole("ContextTokens", _default.ContextTokens, 64, 10_000_000,
            "Tokens of a session that are sent to a model at most, where neither the session nor the request's num_ctx says.", (sessions, number) => sessions with { ContextTokens = (int)number }),
        Duration("BatchWindow", _default.BatchWindow, TimeSpan.Zero, TimeSpan.FromSeconds(1),
            "For how long writes of the mode batched are gathered at most, while fewer are there than last time.", (sessions, time) => sessions with { BatchWindow = time }),
        Duration("LocalWindow", _default.LocalWindow, _millisecond, TimeSpan.FromMinutes(1),
            "For how long writes of the mode local may be in memory alone.", (sessions, time) => sessions with { LocalWindow = time }),
        Whole("MaxPending", _default.MaxPending, 1, 1_000_000,
            "Writes that may wait for the store; more wait before they are taken.", (sessions, number) => sessions with { MaxPending = (int)number }),
        Whole("CacheBytes", _default.CacheBytes, 0, 1L << 40,
            "Bytes of turns that are kept in memory.", (sessions, number) => sessions with { CacheBytes = number }),
        Duration("ForgetAfter", _default.ForgetAfter, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3650),
            "For how long the name of a deleted session is remembered.", (sessions, time) => sessions with { ForgetAfter = time }),
        Whole("MaxSessions", _default.MaxSessions, 0, 1_000_000_000,
            "Sessions that a tenant may have.", (sessions, number) => sessions with { MaxSessions = number }),
        Whole("MaxTurns", _default.MaxTurns, 0, 1_000_000_000,
            "Turns in all sessions of a tenant.", (sessions, number) => sessions with { MaxTurns = number }),
        Whole("MaxBytes", _default.MaxBytes, 0, 1L << 40,
            "Bytes of all sessions of a tenant.", (sessions, number) => sessions with { MaxBytes = number }),
        Whole("MaxStoreBytes", _default.MaxStoreBytes, 0, 1L << 50,
            "Bytes of the sessions and responses of all tenants together.", (sessions, number) => sessions with { MaxStoreBytes = number }),
        Duration("DatabaseWait", _default.DatabaseWait, TimeSpan.Zero, TimeSpan.FromHours(1),
            "How long a start waits for a PostgreSQL that cannot be reached yet.", (sessions, time) => sessions with { DatabaseWait = time }),
        Whole("MaxResponses", _default.MaxResponses, 0, 1_000_000,
            "Responses of /v1/responses that are kept for a tenant; 0 keeps none.", (sessions, number) => sessions with { MaxResponses = (int)number }),
        Whole("ResponseBytes", _default.ResponseBytes, 0, 1L << 40,
            "Bytes of them, with their conversations, that are kept for a tenant; 0 keeps none.", (sessions, number) => sessions with { ResponseBytes = number }),
        Duration("ResponseAge", _default.ResponseAge, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3650),
            "For how long they are kept.", (sessions, time) => sessions with { ResponseAge = time }),
    ];

    private static SyncMode? ModeOf(string value) => value switch
    {
        "immediate" => SyncMode.Immediate,
        "batched" => SyncMode.Batched,
        "local" => SyncMode.Local,
        _ => null,
    };

    private static ContextPolicy? PolicyOf(string value) => value switch
    {
        "keep-all" => ContextPolicy.KeepAll,
        "keep-last" => ContextPolicy.KeepLast,
        "refuse" => ContextPolicy.Refuse,
        _ => null,
    };

    private static ConfigurationKey Duration(string name, TimeSpan @default, TimeSpan low, TimeSpan high, string meaning, Func<SessionOptions, TimeSpan, SessionOptions> apply) =>
        new($"Sessions:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(low, high), meaning,
            (options, values) => ConfigurationValues.Duration(values[0], low, high) is { } time ? options with { Sessions = apply(options.Sessions, time) } : null);

    private static ConfigurationKey Whole(string name, long @default, long low, long high, string meaning, Func<SessionOptions, long, SessionOptions> apply) =>
        new($"Sessions:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to {high}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? options with { Sessions = apply(options.Sessions, value) } : null)
        { Minimum = low, Maximum = high };
}
