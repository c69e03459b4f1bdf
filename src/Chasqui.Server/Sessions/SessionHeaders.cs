using System.Globalization;
using Chasqui.Gateway.Sessions;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>The session that a request names.</summary>
/// <param name="Key">The session.</param>
/// <param name="Version">The version that its client saw; null where it names none.</param>
internal sealed record NamedSession(SessionKey Key, long? Version);

/// <summary>What a request of HTTP says of its session, and what it is told.</summary>
internal static class SessionHeaders
{
    /// <summary>Names the session of a chat; <c>new</c> for one that is made for it.</summary>
    public const string Session = "X-Chasqui-Session";

    /// <summary>The version that the client saw, as in <c>If-Match</c>; in an answer the version that there is now.</summary>
    public const string Version = "X-Chasqui-Session-Version";

    /// <summary>Turns that were not sent to the model, as they would have been too many.</summary>
    public const string Omitted = "X-Chasqui-Session-Omitted";

    /// <summary>The quota that refused a request: <c>sessions</c>, <c>turns</c> or <c>bytes</c>.</summary>
    public const string Quota = "X-Chasqui-Quota";

    private const string New = "new";

    /// <summary>Whether a session is named.</summary>
    public static bool Names(HttpRequest request) => request.Headers.ContainsKey(Session);

    /// <summary>The session that is named; null for none.</summary>
    /// <exception cref="InvalidRequestException">The name or the version cannot be.</exception>
    public static NamedSession? Of(HttpRequest request)
    {
        if (!request.Headers.TryGetValue(Session, out var values))
            return null;
        var tenant = CallerGate.Caller.Sharers;
        var id = values.ToString();
        return id == New ? new NamedSession(SessionKey.New(tenant), 0) : new NamedSession(SessionKey.Of(tenant, id), VersionOf(request));
    }

    /// <summary>The version that the client saw; null where it says nothing.</summary>
    /// <exception cref="InvalidRequestException">It is none.</exception>
    public static long? VersionOf(HttpRequest request)
    {
        if (request.Headers.TryGetValue(Version, out var own))
            return Parse(Version, own.ToString());
        var match = request.Headers.IfMatch.ToString();
        return match is "" or "*" ? null : Parse("If-Match", match.Trim('"'));
    }

    /// <summary>Tells which version there is now.</summary>
    public static void Tell(HttpResponse response, long version)
    {
        if (response.HasStarted)
            return;
        var text = version.ToString(CultureInfo.InvariantCulture);
        response.Headers[Version] = text;
        response.Headers.ETag = "\"" + text + "\"";
    }

    /// <summary>Tells which session it is, and what is left out of it.</summary>
    public static void Tell(HttpResponse response, SessionTurn turn)
    {
        if (response.HasStarted)
            return;
        response.Headers[Session] = turn.Session.Key.Id;
        if (turn.Context.Omitted > 0)
            response.Headers[Omitted] = turn.Context.Omitted.ToString(CultureInfo.InvariantCulture);
    }

    private static long Parse(string header, string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        ? version
        : throw new InvalidRequestException($"header {header} is \"{RequestEntry.Printable(text)}\", but must be the number of a version, such as 7");
}
