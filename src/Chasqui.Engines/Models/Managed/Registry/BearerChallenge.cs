namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>What a registry asks for with status 401: <c>WWW-Authenticate: Bearer realm="…",service="…",scope="…"</c>.</summary>
internal sealed record BearerChallenge(Uri Realm, string Service, string Scope)
{
    /// <summary>Reads the header; null where it asks for something else.</summary>
    public static BearerChallenge? Parse(string header)
    {
        if (!header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return null;
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var rest = header["Bearer ".Length..].TrimStart(' ', ','); rest.IndexOf('=', StringComparison.Ordinal) is > 0 and var at;)
        {
            var name = rest[..at].Trim();
            rest = rest[(at + 1)..].TrimStart();
            var quoted = rest.StartsWith('"');
            var end = rest.IndexOf(quoted ? '"' : ',', quoted ? 1 : 0);
            if (end < 0)
                end = rest.Length;
            fields[name] = rest[(quoted ? 1 : 0)..end];
            rest = rest[Math.Min(rest.Length, end + 1)..].TrimStart(' ', ',');
        }
        return Uri.TryCreate(fields.GetValueOrDefault("realm"), UriKind.Absolute, out var realm) && realm.Scheme is "http" or "https"
            ? new BearerChallenge(realm, fields.GetValueOrDefault("service", ""), fields.GetValueOrDefault("scope", "")) : null;
    }

    /// <summary>Where a token is given.</summary>
    public Uri TokenAddress
    {
        get
        {
            var query = Realm.Query.TrimStart('?');
            if (Service.Length > 0)
                query += $"&service={Uri.EscapeDataString(Service)}";
            foreach (var scope in Scope.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                query += $"&scope={Uri.EscapeDataString(scope)}";
            return new UriBuilder(Realm) { Query = query.TrimStart('&') }.Uri;
        }
    }
}
