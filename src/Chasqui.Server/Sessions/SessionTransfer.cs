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
    // What goes out at once; nothing is sent before, so that an error can still be told as one.
    private const int PartBytes = 64 << 10;

    /// <summary>What each object of a body counts for beside its length: it becomes a turn, or a part of one.</summary>
    private const long PartCost = 96;

    public static async Task ExportAsync(HttpContext http, SessionLog log, SessionKey key)
    {
        var session = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        SessionHeaders.Tell(http.Response, session.Version);
        http.Response.ContentType = Ndjson.ContentType;
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{key.Id}.jsonl\"";
        var buffer = new ArrayBufferWriter<byte>(1024);
        await foreach (var change in log.ReadAllAsync(session, http.RequestAborted).ConfigureAwait(false))
        {
            buffer.Write(SessionJson.BytesOf(change).Span);
            buffer.Write("\n"u8);
            if (buffer.WrittenCount >= PartBytes)
                await SendPartAsync(http, buffer).ConfigureAwait(false);
        }
        await SendPartAsync(http, buffer).ConfigureAwait(false);
    }

    /// <summary>A session with its turns, a part after the other: it may be longer than what memory there is.</summary>
    public static async Task ReadAsync(HttpContext http, SessionLog log, SessionKey key)
    {
        var session = await log.GetAsync(key, http.RequestAborted).ConfigureAwait(false);
        SessionHeaders.Tell(http.Response, session.Version);
        var buffer = new ArrayBufferWriter<byte>(1024);
        var json = new Utf8JsonWriter(buffer, SessionJson.WriterOptions);
        await using (json.ConfigureAwait(false))
        {
            SessionJson.Begin(json, session);
            json.WriteStartArray("messages");
            await foreach (var change in log.ReadAllAsync(session, http.RequestAborted).ConfigureAwait(false))
            {
                foreach (var turn in change.Messages)
                {
                    SessionJson.Write(json, turn);
                    json.Flush();
                    if (buffer.WrittenCount < PartBytes)
                        continue;
                    if (!http.Response.HasStarted)
                        http.Response.ContentType = JsonResponse.ContentType;
                    await SendPartAsync(http, buffer).ConfigureAwait(false);
                }
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        await (http.Response.HasStarted ? SendPartAsync(http, buffer) : JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory)).ConfigureAwait(false);
    }

    /// <summary>Turns come in the order of the lines, and get numbers of their own; of settings the last hold. All turns are there, or none.</summary>
    public static async Task ImportAsync(ApiContext api, HttpContext http, SessionLog log)
    {
        var tenant = CallerGate.Caller.Sharers;
        var key = http.Request.Query["id"] is [{ Length: > 0 } id] ? SessionKey.Of(tenant, id) : SessionKey.New(tenant);
        await api.Gate.AdmitWriteAsync(http.RequestAborted).ConfigureAwait(false);
        using var body = await api.ReadRawBodyAsync(http).ConfigureAwait(false);
        await api.HoldAsync(http, body.Memory.Length + (PartCost * Lines(body.Memory).Sum(Parts))).ConfigureAwait(false);
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
                throw new InvalidRequestException(FormattableString.Invariant($"line {number} is no change of an exported session: {(e is InvalidRequestException ? e.Message : JsonProblem.Reason(e))}"), e);
            }
        }
        if (number == 0 || turns.Count == 0)
            throw new InvalidRequestException("the body has no turns; it must be the lines of an exported session");
        var create = new CreateSession(key, log.Now, settings);
        var append = new AppendTurns(key, log.Now, null, turns);
        await log.EnsureRoomAsync(tenant, SessionUsage.Of(create, null) + SessionUsage.Of(append, null), http.RequestAborted).ConfigureAwait(false);
        var made = await log.WriteAsync(create, http.RequestAborted).ConfigureAwait(false);
        try
        {
            var done = await log.WriteAsync(append with { Expected = made.Session!.Version }, CancellationToken.None).ConfigureAwait(false);
            await SessionEndpoints.SendAsync(http, StatusCodes.Status201Created, done.Session!).ConfigureAwait(false);
        }
        catch (SessionQuotaException)
        {
            // Another request was faster and took the room. Without its turns the session is not what was asked for.
            await log.WriteAsync(new DeleteSession(key, log.Now, made.Session!.Version), CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sends what was written, and waits until the client takes it.</summary>
    private static async Task SendPartAsync(HttpContext http, ArrayBufferWriter<byte> buffer)
    {
        await http.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
        buffer.ResetWrittenCount();
    }

    /// <summary>The objects within the one that a line is, at most.</summary>
    private static long Parts(ReadOnlyMemory<byte> line) => Math.Max(0, line.Span.Count((byte)'{') - 1);

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
