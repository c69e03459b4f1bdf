namespace Chasqui.Server;

/// <summary>Tells in an answer, whatever its API, where the exchange was recorded: <c>"session": {"id", "version", "omitted"}</c>.</summary>
internal static class SessionFields
{
    /// <summary>Writes the member, where there is a session.</summary>
    public static void Write(ref JsonText json, SessionMark? session)
    {
        if (session is null)
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
