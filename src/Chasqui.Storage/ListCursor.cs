using System.Globalization;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage;

/// <summary>Where a page of a list ended: after the session that was changed at a time and has an id.</summary>
internal readonly record struct ListCursor(long Ticks, string Id)
{
    /// <exception cref="InvalidRequestException">It is none that a page had.</exception>
    public static ListCursor Parse(string? text)
    {
        if (text is null)
            return new(long.MaxValue, "");
        var cut = text.IndexOf('.', StringComparison.Ordinal);
        return cut > 0 && long.TryParse(text.AsSpan(0, cut), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && text.Length - cut <= SessionKey.MaxLength + 1
            ? new(ticks, text[(cut + 1)..])
            : throw new InvalidRequestException("after must be what the page before it had as next");
    }

    /// <summary>A page of as many as are wanted, of one more if there is one.</summary>
    public static SessionPage Page(List<Session> sessions, int limit)
    {
        if (sessions.Count <= limit)
            return new SessionPage(sessions, null);
        sessions.RemoveRange(limit, sessions.Count - limit);
        var last = sessions[^1];
        return new SessionPage(sessions, string.Create(CultureInfo.InvariantCulture, $"{last.UpdatedAt.UtcTicks}.{last.Key.Id}"));
    }
}
