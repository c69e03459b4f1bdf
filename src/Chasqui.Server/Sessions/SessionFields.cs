using System.Globalization;
using Chasqui.Gateway.Sessions;
using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>Sessions in calls of MCP, and in answers, whatever their API.</summary>
internal static class SessionFields
{
    /// <summary>Names the session of a chat; <c>new</c> for one that is made for it.</summary>
    public const string Session = "session";

    /// <summary>The version that the client saw.</summary>
    public const string Version = "session-version";

    /// <summary>The session that a call names; null for none.</summary>
    /// <exception cref="InvalidRequestException">The name or the version cannot be.</exception>
    public static NamedSession? Of(IncomingCall call)
    {
        if (call.Headers[Session] is not { } id)
            return null;
        var tenant = CallerGate.Caller.Sharers;
        if (id == "new")
            return new NamedSession(SessionKey.New(tenant), 0);
        long? version = call.Headers[Version] is not { } text ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new InvalidRequestException($"{Version} is \"{RequestEntry.Printable(text)}\", but must be the number of a version, such as 7");
        return new NamedSession(SessionKey.Of(tenant, id), version);
    }

    /// <summary>
    /// Tells what the gateway did beside what its API knows: <c>"continuations"</c>, how often another engine went on with the answer, and
    /// <c>"session": {"id", "version", "omitted"}</c>, where the exchange was recorded.
    /// </summary>
    public static void Write(ref JsonText json, GenerationResult? result)
    {
        if (result?.Continuations > 0)
        {
            json.Name("continuations"u8);
            json.Value((long)result.Continuations);
        }
        if (result?.Session is not { } session)
            return;
        json.Name("session"u8);
        json.BeginObject();
        json.Name("id"u8);
        json.Value(session.Id);
        json.Name("version"u8);
        json.Value(session.Version);
        if (session.Omitted > 0)
        {
            json.Name("omitted"u8);
            json.Value((long)session.Omitted);
        }
        json.EndObject();
    }
}
