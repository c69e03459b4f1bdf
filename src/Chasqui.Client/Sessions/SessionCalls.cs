using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Chasqui.Protocol.Messages;

namespace Chasqui.Client;

/// <summary>Conversations that the gateway keeps. Thread-safe.</summary>
/// <remarks>
/// Whoever writes may name the version that he saw; where it is another one by now, nothing is written, and the <see cref="ClientException"/> has the code <c>session_conflict</c> and the
/// current version in its details. One that is not there is <c>session_not_found</c>. A chat is a turn of a session by <see cref="CallOptions.Session"/>.
/// </remarks>
public sealed class SessionCalls
{
    private const string Root = "/api/sessions";
    private const string Channel = "session.";

    private readonly ChasquiClient _client;

    internal SessionCalls(ChasquiClient client) => _client = client;

    /// <summary>Makes a session.</summary>
    /// <exception cref="ClientException"><c>session_exists</c>: there is one with that id.</exception>
    public Task<ChatSession> CreateAsync(SessionDraft? draft = null, CancellationToken cancellationToken = default) =>
        SendAsync("POST", Root, draft ?? new SessionDraft(), SessionCodec.Default.SessionDraft, SessionCodec.Default.ChatSession, null, cancellationToken);

    /// <summary>One's own sessions, the last changed first.</summary>
    /// <param name="limit">At most so many, from 1 to 1,000.</param>
    /// <param name="after"><see cref="SessionPage.Next"/> of the page before; null for the first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<SessionPage> ListAsync(int limit = 100, string? after = null, CancellationToken cancellationToken = default) => GetAsync(
        string.Create(CultureInfo.InvariantCulture, $"{Root}?limit={limit}{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}"), SessionCodec.Default.SessionPage, cancellationToken);

    /// <summary>A session with its turns.</summary>
    public Task<ChatSession> GetAsync(string id, CancellationToken cancellationToken = default) => GetAsync(PathOf(id), SessionCodec.Default.ChatSession, cancellationToken);

    /// <summary>Adds turns.</summary>
    /// <param name="id">The session.</param>
    /// <param name="messages">At least one.</param>
    /// <param name="version">The version that the caller saw; null for whatever it is.</param>
    /// <param name="cancellationToken">Gives up; whether it was written is not known then.</param>
    /// <returns>The session without its turns.</returns>
    public Task<ChatSession> AppendAsync(string id, IReadOnlyList<SessionMessage> messages, long? version = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return SendAsync("POST", PathOf(id) + "/messages", new SessionAppend(messages, version), SessionCodec.Default.SessionAppend, SessionCodec.Default.ChatSession, null, cancellationToken);
    }

    /// <summary>Changes what is said of a session.</summary>
    public Task<ChatSession> UpdateAsync(string id, SessionDraft changes, long? version = null, CancellationToken cancellationToken = default) =>
        SendAsync("PATCH", PathOf(id), changes, SessionCodec.Default.SessionDraft, SessionCodec.Default.ChatSession, version, cancellationToken);

    /// <summary>Makes a session that begins as another one did.</summary>
    /// <param name="id">The other one.</param>
    /// <param name="version">Up to which version; null for all of it.</param>
    /// <param name="draft">What is different in it; null for nothing but its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<ChatSession> ForkAsync(string id, long? version = null, SessionDraft? draft = null, CancellationToken cancellationToken = default)
    {
        draft ??= new SessionDraft();
        var fork = new SessionFork(version, draft.Id, draft.Title, draft.Model, draft.Mode, draft.Policy, draft.MaxTokens);
        return SendAsync("POST", PathOf(id) + "/fork", fork, SessionCodec.Default.SessionFork, SessionCodec.Default.ChatSession, null, cancellationToken);
    }

    /// <summary>Deletes a session with all its turns.</summary>
    public async Task DeleteAsync(string id, long? version = null, CancellationToken cancellationToken = default)
    {
        await using var answer = await OpenAsync("DELETE", PathOf(id), default, version, cancellationToken).ConfigureAwait(false);
        await ReadAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A session as lines of JSON, a line for each change.</summary>
    /// <param name="id">The session.</param>
    /// <param name="to">Where the lines are written; not closed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task ExportAsync(string id, Stream to, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(to);
        await using var answer = await OpenAsync("GET", PathOf(id) + "/export", default, null, cancellationToken).ConfigureAwait(false);
        if (answer.Status >= 400)
            throw await FailureAsync(answer, cancellationToken).ConfigureAwait(false);
        await foreach (var part in answer.ReadPartsAsync(cancellationToken).ConfigureAwait(false))
            await to.WriteAsync(part, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a session of the lines of an export; all of its turns are there, or none.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="id">Its id; null for one that is made up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ChatSession> ImportAsync(ReadOnlyMemory<byte> lines, string? id = null, CancellationToken cancellationToken = default)
    {
        await using var answer = await OpenAsync(
            "POST", Root + "/import" + (id is null ? "" : "?id=" + Uri.EscapeDataString(id)), lines, null, cancellationToken, "application/x-ndjson").ConfigureAwait(false);
        return Parse(await ReadAsync(answer, cancellationToken).ConfigureAwait(false), SessionCodec.Default.ChatSession);
    }

    /// <summary>The changes of a session after a version, and then those to come, each once and in order, over as many connections as it takes; it ends when the session is deleted.</summary>
    /// <param name="id">The session.</param>
    /// <param name="after">The last version that is known already; 0 for all.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<SessionChange> FollowAsync(string id, long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        await foreach (var next in _client.SubscribeAsync(Channel + id, after, null, cancellationToken).ConfigureAwait(false))
            yield return Parse(next.Payload.Span, SessionCodec.Default.SessionChange);
    }

    private static string PathOf(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return Root + "/" + Uri.EscapeDataString(id);
    }

    private async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        await using var answer = await OpenAsync("GET", path, default, null, cancellationToken).ConfigureAwait(false);
        return Parse(await ReadAsync(answer, cancellationToken).ConfigureAwait(false), type);
    }

    private async Task<T> SendAsync<TBody, T>(
        string method, string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type, long? version, CancellationToken cancellationToken)
    {
        await using var answer = await OpenAsync(method, path, JsonSerializer.SerializeToUtf8Bytes(body, bodyType), version, cancellationToken).ConfigureAwait(false);
        return Parse(await ReadAsync(answer, cancellationToken).ConfigureAwait(false), type);
    }

    private Task<HttpAnswer> OpenAsync(
        string method, string path, ReadOnlyMemory<byte> body, long? version, CancellationToken cancellationToken, string contentType = "application/json")
    {
        List<KeyValuePair<string, string>> headers = [new("content-type", contentType)];
        if (version is { } seen)
            headers.Add(new("x-chasqui-session-version", seen.ToString(CultureInfo.InvariantCulture)));
        return _client.HttpAsync(method, path, body, headers, cancellationToken);
    }

    private static async Task<byte[]> ReadAsync(HttpAnswer answer, CancellationToken cancellationToken) => answer.Status < 400
        ? await answer.ReadBodyAsync(cancellationToken: cancellationToken).ConfigureAwait(false)
        : throw await FailureAsync(answer, cancellationToken).ConfigureAwait(false);

    private static async Task<ClientException> FailureAsync(HttpAnswer answer, CancellationToken cancellationToken)
    {
        var body = await answer.ReadBodyAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        var current = answer.Headers["x-chasqui-session-version"];
        var error = new Error
        {
            Code = answer.Status switch
            {
                404 => "session_not_found",
                409 => current is null ? "session_exists" : "session_conflict",
                503 => "storage_unavailable",
                507 => "storage_full",
                401 => "unauthenticated",
                403 => "permission_denied",
                >= 500 => "internal",
                _ => "invalid_request",
            },
        };
        try
        {
            error.Message = JsonSerializer.Deserialize(body, SessionCodec.Default.SessionError)?.Error ?? "";
        }
        catch (JsonException)
        {
            // Said by whatever stands between.
        }
        if (error.Message.Length == 0)
            error.Message = $"the gateway answered with status {answer.Status}";
        if (current is not null)
            error.Details["version"] = current;
        return new ClientException(error, answer.Status);
    }

    private static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw ClientException.Of("bad_answer",
                "the gateway's answer is not the JSON of its sessions; is it a Chasqui of this version?", e);
        }
    }
}
