using System.Text.Json;

namespace Chasqui.Client;

/// <summary>A conversation that the gateway keeps. Every change of it has the next version, from 1 and without gaps. Immutable.</summary>
public sealed record ChatSession
{
    /// <summary>1 to 64 characters <c>a-z 0-9 _ -</c>.</summary>
    public string Id { get; init; } = "";

    /// <summary>The number of its last change.</summary>
    public long Version { get; init; }

    /// <summary>What people call it; empty for nothing.</summary>
    public string Title { get; init; } = "";

    /// <summary>The model it is meant for; empty for any.</summary>
    public string Model { get; init; } = "";

    /// <summary>When a write is acknowledged: <c>immediate</c>, <c>batched</c> or <c>local</c>.</summary>
    public string Mode { get; init; } = "";

    /// <summary>What is sent to a model when there is not room for all: <c>keep-last</c>, <c>keep-all</c> or <c>refuse</c>.</summary>
    public string Policy { get; init; } = "";

    /// <summary>Tokens that there is room for; null for what the model has.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Tokens of its turns, as counted or estimated.</summary>
    public long Tokens { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was changed last.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The session that it was forked from; null for none.</summary>
    public SessionVersion? ForkedFrom { get; init; }

    /// <summary>How many turns it has.</summary>
    public int MessageCount { get; init; }

    /// <summary>Its turns, where they were asked for.</summary>
    public IReadOnlyList<SessionMessage> Messages { get; init; } = [];
}

/// <summary>A version of a session.</summary>
/// <param name="Session">The session.</param>
/// <param name="Version">The version.</param>
public sealed record SessionVersion(string Session, long Version);

/// <summary>One turn of a conversation. Immutable.</summary>
public sealed record SessionMessage
{
    /// <summary><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</summary>
    public string Role { get; init; } = "user";

    /// <summary>The text.</summary>
    public string Content { get; init; } = "";

    /// <summary>What the model thought before it; null for nothing.</summary>
    public string? Thinking { get; init; }

    /// <summary>Images, each a whole file.</summary>
    public IReadOnlyList<byte[]>? Images { get; init; }

    /// <summary>Calls of tools, as in the Ollama API; null for none.</summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>The tool whose result this is; null for none.</summary>
    public string? ToolName { get; init; }

    /// <summary>The id of the call whose result this is; null for none.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>Its tokens, as counted or estimated; what is said here of a turn that is sent is not heard.</summary>
    public int? Tokens { get; init; }
}

/// <summary>What may be said of a session when it is made, forked or changed; null for what is usual, or stays as it is.</summary>
public sealed record SessionDraft
{
    /// <summary>Its id, when it is made or forked; null for one that is made up.</summary>
    public string? Id { get; init; }

    /// <inheritdoc cref="ChatSession.Title"/>
    public string? Title { get; init; }

    /// <inheritdoc cref="ChatSession.Model"/>
    public string? Model { get; init; }

    /// <summary>As <see cref="ChatSession.Mode"/>; can be chosen when it is made or forked only.</summary>
    public string? Mode { get; init; }

    /// <inheritdoc cref="ChatSession.Policy"/>
    public string? Policy { get; init; }

    /// <inheritdoc cref="ChatSession.MaxTokens"/>
    public int? MaxTokens { get; init; }
}

/// <summary>Some sessions of a list.</summary>
public sealed record SessionPage
{
    /// <summary>The sessions, the last changed first, without their turns.</summary>
    public IReadOnlyList<ChatSession> Sessions { get; init; } = [];

    /// <summary>What to give as <c>after</c> for those behind them; null where there are no more.</summary>
    public string? Next { get; init; }
}

/// <summary>A change of a session. Immutable.</summary>
public sealed record SessionChange
{
    /// <summary>The session.</summary>
    public string Session { get; init; } = "";

    /// <summary>Its version since this change.</summary>
    public long Version { get; init; }

    /// <summary><c>created</c>, <c>appended</c>, <c>updated</c>, <c>forked</c> or <c>deleted</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>When.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>The turns that came.</summary>
    public IReadOnlyList<SessionMessage> Messages { get; init; } = [];

    /// <summary>What holds of the session since then, where that was said; of it the settings alone.</summary>
    public ChatSession? Settings { get; init; }

    /// <summary>Of which session at which version it was forked; null for none.</summary>
    public SessionVersion? Origin { get; init; }
}
