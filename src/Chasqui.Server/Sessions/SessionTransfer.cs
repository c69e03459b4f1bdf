using System.Buffers;
using System.Text.Json;
using Chasqui.Gateway.Sessions;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// A session as lines of JSON, a line for each change: <c>GET /api/sessions/ID/export</c> and <c>POST /api/sessions/import</c>, which makes a new session of the turns
/// of such lines.
/// </summary>
internal static class SessionTransfer
{
    private const int PageChanges = 100;
    private const long PageBytes = 1 << 20;

    public static async Task ExportAsync(HttpContext http, SessionLog log, SessionKey key)
    {
        var session = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        SessionHeaders.Tell(http.Response, session.Version);
        http.Response.ContentType = Ndjson.ContentType;
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{key.Id}.jsonl\"";
        var version = 0L;
        while (version < session.Version)
        {
            var changes = await log.ReadAsync(key, version, PageChanges, PageBytes, http.RequestAborted).ConfigureAwait(false);
            if (changes.Count == 0)
                return;
            foreach (var change in changes.TakeWhile(change => change.Version <= session.Version))
            {
                http.Response.BodyWriter.Write(SessionJson.BytesOf(change).Span);
                http.Response.BodyWriter.Write("\n"u8);
            }
            version = changes[^1].Version;
            await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        }
    }

    /// <summary>Turns come in the order of the lines, and get numbers of their own; of settings the last hold. All turns are there, or none.</summary>
    public static async Task ImportAsync(ApiContext api, HttpContext http, SessionLog log)
    {
        var tenant = CallerGate.Caller.Sharers;
        var key = http.Request.Query["id"] is [{ Length: > 0 } id] ? SessionKey.Of(tenant, id) : SessionKey.New(tenant);
        using var body = await api.ReadRawBodyAsync(http).ConfigureAwait(false);
        var settings = new SessionSettings { Mode = log.Options.Mode, Policy = log.Options.Policy };
        List<SessionMessage> turns = [];
        var number = 0;
        foreach (var line in Lines(body.Memory))
        {
            number++;
            if (line.Span.IndexOfAnyExcept(" \t\r"u8) < 0)
                continue;
            try
            {
                using var document = JsonDocument.Parse(line);
                var root = document.RootElement;
                if (root.ValueKind != JsonValueKind.Object)
                    throw new InvalidRequestException("is no object");
                if (root.TryGetProperty("settings", out var given))
                    settings = SessionRequests.Settings(given, settings, isNew: true);
                if (root.TryGetProperty("messages", out var messages) && messages.ValueKind != JsonValueKind.Null)
                    turns.AddRange(messages.GetArrayLength() == 0 ? [] : SessionRequests.Messages(root));
            }
            catch (Exception e) when (e is JsonException or InvalidRequestException or InvalidOperationException)
            {
                throw new InvalidRequestException(FormattableString.Invariant($"line {number} is no change of an exported session: {e.Message}"), e);
            }
        }
        if (number == 0 || turns.Count == 0)
            throw new InvalidRequestException("the body has no turns; it must be the lines of an exported session");
        var made = await log.WriteAsync(new CreateSession(key, log.Now, settings), http.RequestAborted).ConfigureAwait(false);
        var done = await log.WriteAsync(new AppendTurns(key, log.Now, made.Session!.Version, turns), CancellationToken.None).ConfigureAwait(false);
        await SessionEndpoints.SendAsync(http, StatusCodes.Status201Created, done.Session!).ConfigureAwait(false);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(ReadOnlyMemory<byte> body)
    {
        while (!body.IsEmpty)
        {
            var end = body.Span.IndexOf((byte)'\n');
            yield return end < 0 ? body : body[..end];
            body = end < 0 ? default : body[(end + 1)..];
        }
    }
}
