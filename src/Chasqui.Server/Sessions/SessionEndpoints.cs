using System.Buffers;
using System.Text.Json;
using Chasqui.Gateway.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary><c>/api/sessions</c> and what is below it: conversations that the gateway keeps.</summary>
internal static class SessionEndpoints
{
    public const string Path = "/api/sessions";
    public const string Below = "/api/sessions/";

    private const int MaxPage = 1_000;
    private const long PageBytes = 4 << 20;

    /// <summary><c>GET</c>: those of whoever asks, the last changed first. <c>POST</c>: a new one.</summary>
    public static async Task CollectionAsync(ApiContext api, HttpContext http)
    {
        var log = Log(http);
        var tenant = CallerGate.Caller.Sharers;
        if (HttpMethods.IsGet(http.Request.Method))
        {
            var after = http.Request.Query["after"] is [{ Length: > 0 } cursor] ? cursor : null;
            var page = await log.ListAsync(tenant, after, (int)SessionRequests.Number(http.Request, "limit", 100, 1, MaxPage), http.RequestAborted).ConfigureAwait(false);
            await SendAsync(http, StatusCodes.Status200OK, json =>
            {
                json.WriteStartObject();
                json.WriteStartArray("sessions");
                foreach (var session in page.Sessions)
                    SessionJson.Write(json, session);
                json.WriteEndArray();
                if (page.Next is { } next)
                    json.WriteString("next", next);
                json.WriteEndObject();
            }).ConfigureAwait(false);
            return;
        }
        await api.Gate.AdmitWriteAsync(http.RequestAborted).ConfigureAwait(false);
        using var body = await api.ReadBodyAsync(http).ConfigureAwait(false);
        var usual = new SessionSettings { Mode = log.Options.Mode, Policy = log.Options.Policy };
        var settings = SessionRequests.Settings(body.Root, usual, isNew: true, "id");
        var key = SessionRequests.Text(body.Root, "id") is { } id ? SessionKey.Of(tenant, id) : SessionKey.New(tenant);
        var made = await log.WriteAsync(new CreateSession(key, log.Now, settings), http.RequestAborted).ConfigureAwait(false);
        await SendAsync(http, StatusCodes.Status201Created, made.Session!).ConfigureAwait(false);
    }

    /// <summary>One session, or one thing of it.</summary>
    public static Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var rest = http.Request.Path.Value![Below.Length..];
        var cut = rest.IndexOf('/', StringComparison.Ordinal);
        var (id, what) = cut < 0 ? (rest, "") : (rest[..cut], rest[(cut + 1)..]);
        var tenant = CallerGate.Caller.Sharers;
        return (http.Request.Method, id, what) switch
        {
            ("POST", "import", "") => SessionTransfer.ImportAsync(api, http, Log(http)),
            ("GET", _, "") => SessionTransfer.ReadAsync(http, Log(http), SessionKey.Of(tenant, id)),
            ("PATCH", _, "") => UpdateAsync(api, http, SessionKey.Of(tenant, id)),
            ("DELETE", _, "") => DeleteAsync(http, SessionKey.Of(tenant, id)),
            ("POST", _, "messages") => AppendAsync(api, http, SessionKey.Of(tenant, id)),
            ("POST", _, "fork") => ForkAsync(api, http, SessionKey.Of(tenant, id)),
            ("GET", _, "changes") => ChangesAsync(http, SessionKey.Of(tenant, id)),
            ("GET", _, "events") => SessionEventStream.RunAsync(api, http, Log(http), SessionKey.Of(tenant, id)),
            ("GET", _, "export") => SessionTransfer.ExportAsync(http, Log(http), SessionKey.Of(tenant, id)),
            _ => throw new InvalidRequestException(
                $"there is no {http.Request.Method} {RequestEntry.Printable(http.Request.Path.Value)}; there are GET, PATCH and DELETE {Path}/ID, POST {Path}/ID/messages and /fork, GET {Path}/ID/changes, /events and /export, and POST {Path}/import"),
        };
    }

    public static SessionLog Log(HttpContext http) => http.RequestServices.GetRequiredService<Lazy<SessionLog>>().Value;

    /// <summary>Sends a session with its version.</summary>
    public static Task SendAsync(HttpContext http, int status, Session session)
    {
        SessionHeaders.Tell(http.Response, session.Version);
        return SendAsync(http, status, json => SessionJson.Write(json, session));
    }

    private static Task SendAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, SessionJson.WriterOptions))
            write(json);
        return JsonResponse.SendAsync(http, status, buffer.WrittenMemory);
    }

    private static async Task UpdateAsync(ApiContext api, HttpContext http, SessionKey key)
    {
        var log = Log(http);
        await api.Gate.AdmitWriteAsync(http.RequestAborted).ConfigureAwait(false);
        using var body = await api.ReadBodyAsync(http).ConfigureAwait(false);
        var expected = SessionHeaders.VersionOf(http.Request);
        while (true)
        {
            var session = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
            var settings = SessionRequests.Settings(body.Root, session.Settings, isNew: false);
            try
            {
                // What is not named stays as it is, whoever has just changed it.
                var write = new UpdateSession(key, log.Now, expected ?? session.Version, settings);
                await SendAsync(http, StatusCodes.Status200OK, (await log.WriteAsync(write, http.RequestAborted).ConfigureAwait(false)).Session!).ConfigureAwait(false);
                return;
            }
            catch (SessionConflictException) when (expected is null)
            {
                // Somebody else was faster; it is read again.
                http.RequestAborted.ThrowIfCancellationRequested();
            }
        }
    }

    private static async Task DeleteAsync(HttpContext http, SessionKey key)
    {
        var log = Log(http);
        var done = await log.WriteAsync(new DeleteSession(key, log.Now, SessionHeaders.VersionOf(http.Request)), http.RequestAborted).ConfigureAwait(false);
        SessionHeaders.Tell(http.Response, done.Change!.Version);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task AppendAsync(ApiContext api, HttpContext http, SessionKey key)
    {
        var log = Log(http);
        await api.Gate.AdmitWriteAsync(http.RequestAborted).ConfigureAwait(false);
        using var body = await api.ReadBodyAsync(http).ConfigureAwait(false);
        var expected = SessionHeaders.VersionOf(http.Request) ?? SessionRequests.Version(body.Root, "version");
        var write = new AppendTurns(key, log.Now, expected, SessionRequests.Messages(body.Root));
        await SendAsync(http, StatusCodes.Status201Created, (await log.WriteAsync(write, http.RequestAborted).ConfigureAwait(false)).Session!).ConfigureAwait(false);
    }

    private static async Task ForkAsync(ApiContext api, HttpContext http, SessionKey key)
    {
        var log = Log(http);
        await api.Gate.AdmitWriteAsync(http.RequestAborted).ConfigureAwait(false);
        using var body = await api.ReadBodyAsync(http).ConfigureAwait(false);
        var source = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        var settings = SessionRequests.Settings(body.Root, source.Settings, isNew: true, "id", "version");
        var made = SessionRequests.Text(body.Root, "id") is { } id ? SessionKey.Of(key.Tenant, id) : SessionKey.New(key.Tenant);
        var write = new ForkSession(made, log.Now, key, SessionRequests.Version(body.Root, "version"), settings);
        await SendAsync(http, StatusCodes.Status201Created, (await log.WriteAsync(write, http.RequestAborted).ConfigureAwait(false)).Session!).ConfigureAwait(false);
    }

    private static async Task ChangesAsync(HttpContext http, SessionKey key)
    {
        var log = Log(http);
        var after = SessionRequests.Number(http.Request, "after", 0, 0, long.MaxValue);
        var changes = await log.ReadAsync(key, after, (int)SessionRequests.Number(http.Request, "limit", 100, 1, MaxPage), PageBytes, http.RequestAborted).ConfigureAwait(false);
        // A deleted one still has its last change.
        if (changes.Count == 0)
            _ = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        await SendAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("changes");
            foreach (var change in changes)
                SessionJson.Write(json, change);
            json.WriteEndArray();
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }
}
