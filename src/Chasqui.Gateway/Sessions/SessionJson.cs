using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.Gateway.Sessions;

/// <summary>Sessions and their changes as JSON: to clients, in exports and in stores (docs/sessions.md). Thread-safe.</summary>
public static class SessionJson
{
    // Arguments of tools may be as deep as whoever wrote them liked.
    private static readonly JsonDocumentOptions _deep = new() { MaxDepth = 1_000 };

    // What many followers are told is written once.
    private static readonly ConditionalWeakTable<SessionChange, byte[]> _written = [];

    /// <summary>As little is escaped as JSON allows.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A change in UTF-8, on one line.</summary>
    public static ReadOnlyMemory<byte> BytesOf(SessionChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _written.GetValue(change, static change =>
        {
            var buffer = new ArrayBufferWriter<byte>(256);
            using (var json = new Utf8JsonWriter(buffer, WriterOptions))
                Write(json, change);
            return buffer.WrittenSpan.ToArray();
        });
    }

    /// <summary>Bytes of a change that adds turns, as <see cref="WriteBody"/> writes it.</summary>
    public static long SizeOf(IReadOnlyList<SessionMessage> turns)
    {
        ArgumentNullException.ThrowIfNull(turns);
        var nothing = new CountingWriter();
        using var json = new Utf8JsonWriter(nothing, WriterOptions);
        json.WriteStartObject();
        if (turns.Count > 0)
            Write(json, turns);
        json.WriteEndObject();
        json.Flush();
        return json.BytesCommitted;
    }

    /// <summary>A session without its turns.</summary>
    public static void Write(Utf8JsonWriter json, Session session)
    {
        Begin(json, session);
        json.WriteEndObject();
    }

    /// <summary>The beginning of a session as an object, without its end.</summary>
    public static void Begin(Utf8JsonWriter json, Session session)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(session);
        json.WriteStartObject();
        json.WriteString("id", session.Key.Id);
        json.WriteNumber("version", session.Version);
        Members(json, session.Settings);
        json.WriteNumber("tokens", session.Tokens);
        json.WriteString("created_at", session.CreatedAt.UtcDateTime);
        json.WriteString("updated_at", session.UpdatedAt.UtcDateTime);
        if (session.Origin is { } origin)
            Write(json, "forked_from", origin);
        json.WriteNumber("message_count", session.Messages);
    }

    /// <summary>A turn.</summary>
    public static void Write(Utf8JsonWriter json, SessionMessage turn)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(turn);
        var (message, tokens) = turn;
        json.WriteStartObject();
        json.WriteString("role", message.Role);
        json.WriteString("content", message.Content);
        if (message.Thinking is { } thinking)
            json.WriteString("thinking", thinking);
        if (message.Images.Count > 0)
        {
            json.WriteStartArray("images");
            foreach (var image in message.Images)
                json.WriteBase64StringValue(image.Span);
            json.WriteEndArray();
        }
        if (message.ToolCalls is { } calls)
        {
            json.WritePropertyName("tool_calls");
            calls.WriteTo(json);
        }
        if (message.ToolName is { } tool)
            json.WriteString("tool_name", tool);
        if (message.ToolCallId is { } call)
            json.WriteString("tool_call_id", call);
        json.WriteNumber("tokens", tokens);
        json.WriteEndObject();
    }

    /// <summary>A change.</summary>
    public static void Write(Utf8JsonWriter json, SessionChange change)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(change);
        json.WriteStartObject();
        json.WriteString("session", change.Key.Id);
        json.WriteNumber("version", change.Version);
        json.WriteString("kind", NameOf(change.Kind));
        json.WriteString("at", change.At.UtcDateTime);
        Body(json, change);
        json.WriteEndObject();
    }

    /// <summary>What a change says beside its session, its version, its kind and its time, as an object.</summary>
    public static void WriteBody(Utf8JsonWriter json, SessionChange change)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(change);
        json.WriteStartObject();
        Body(json, change);
        json.WriteEndObject();
    }

    /// <summary>Reads what <see cref="WriteBody"/> wrote.</summary>
    /// <param name="body">In UTF-8.</param>
    /// <param name="change">The rest of the change.</param>
    /// <exception cref="JsonException">It is none.</exception>
    public static SessionChange ReadBody(ReadOnlyMemory<byte> body, SessionChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        using var document = JsonDocument.Parse(body, _deep);
        var root = document.RootElement;
        return change with
        {
            Messages = root.TryGetProperty("messages", out var messages) ? [.. messages.EnumerateArray().Select(ReadMessage)] : [],
            Settings = root.TryGetProperty("settings", out var settings) ? ReadSettings(settings) : null,
            Origin = root.TryGetProperty("origin", out var origin) ? new SessionOrigin(origin.GetProperty("session").GetString()!, origin.GetProperty("version").GetInt64()) : null,
        };
    }

    /// <summary>A kind in one word.</summary>
    public static string NameOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Created => "created",
        ChangeKind.Appended => "appended",
        ChangeKind.Updated => "updated",
        ChangeKind.Forked => "forked",
        _ => "deleted",
    };

    /// <summary>A mode in one word.</summary>
    public static string NameOf(SyncMode mode) => mode switch
    {
        SyncMode.Batched => "batched",
        SyncMode.Local => "local",
        _ => "immediate",
    };

    /// <summary>A policy in one word.</summary>
    public static string NameOf(ContextPolicy policy) => policy switch
    {
        ContextPolicy.KeepAll => "keep-all",
        ContextPolicy.Refuse => "refuse",
        _ => "keep-last",
    };

    private static void Body(Utf8JsonWriter json, SessionChange change)
    {
        if (change.Messages.Count > 0)
            Write(json, change.Messages);
        if (change.Settings is { } settings)
        {
            json.WriteStartObject("settings");
            Members(json, settings);
            json.WriteEndObject();
        }
        if (change.Origin is { } origin)
            Write(json, "origin", origin);
    }

    private static void Members(Utf8JsonWriter json, SessionSettings settings)
    {
        json.WriteString("title", settings.Title);
        json.WriteString("model", settings.Model);
        json.WriteString("mode", NameOf(settings.Mode));
        json.WriteString("policy", NameOf(settings.Policy));
        if (settings.MaxTokens is { } tokens)
            json.WriteNumber("max_tokens", tokens);
    }

    private static void Write(Utf8JsonWriter json, string name, SessionOrigin origin)
    {
        json.WriteStartObject(name);
        json.WriteString("session", origin.Id);
        json.WriteNumber("version", origin.Version);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyList<SessionMessage> turns)
    {
        json.WriteStartArray("messages");
        foreach (var turn in turns)
            Write(json, turn);
        json.WriteEndArray();
    }

    private static SessionMessage ReadMessage(JsonElement json) => new(
        new ChatMessage
        {
            Role = json.GetProperty("role").GetString()!,
            Content = json.GetProperty("content").GetString()!,
            Thinking = json.TryGetProperty("thinking", out var thinking) ? thinking.GetString() : null,
            Images = json.TryGetProperty("images", out var images) ? [.. images.EnumerateArray().Select(image => (ReadOnlyMemory<byte>)image.GetBytesFromBase64())] : [],
            ToolCalls = json.TryGetProperty("tool_calls", out var calls) ? calls.Clone() : null,
            ToolName = json.TryGetProperty("tool_name", out var tool) ? tool.GetString() : null,
            ToolCallId = json.TryGetProperty("tool_call_id", out var call) ? call.GetString() : null,
        },
        json.GetProperty("tokens").GetInt32());

    private static SessionSettings ReadSettings(JsonElement json) => new()
    {
        Title = json.GetProperty("title").GetString()!,
        Model = json.GetProperty("model").GetString()!,
        Mode = json.GetProperty("mode").GetString() switch { "batched" => SyncMode.Batched, "local" => SyncMode.Local, _ => SyncMode.Immediate },
        Policy = json.GetProperty("policy").GetString() switch { "keep-all" => ContextPolicy.KeepAll, "refuse" => ContextPolicy.Refuse, _ => ContextPolicy.KeepLast },
        MaxTokens = json.TryGetProperty("max_tokens", out var tokens) ? tokens.GetInt32() : null,
    };
}
