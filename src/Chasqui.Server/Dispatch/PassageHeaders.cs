using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Which headers of a request go on to a node. Keys, cookies, origins and what is for one connection alone are the gateway's matter and stay here.</summary>
internal static class PassageHeaders
{
    private static readonly FrozenSet<string> _ours = new[]
    {
        "Host", "Content-Length", "Expect", "Authorization", "X-Api-Key", "Cookie", "Origin", "Referer", "Accept-Encoding", "X-Chasqui-Node", "X-Chasqui-Explain",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static List<KeyValuePair<string, string>> Of(HttpRequest request)
    {
        var connection = request.Headers.Connection.Count == 0 ? null : request.Headers.Connection.ToString();
        var kept = new List<KeyValuePair<string, string>>(request.Headers.Count + 1);
        foreach (var (name, values) in request.Headers)
        {
            if (_ours.Contains(name) || ConnectionHeaders.IsOne(name) || ConnectionHeaders.Names(connection, name) || TraceHeaders.IsOwn(name) || name.StartsWith(':'))
                continue;
            foreach (var value in values)
            {
                if (value is not null && IsPlain(value))
                    kept.Add(new(name, value));
            }
        }
        return kept;
    }

    /// <summary>A value that Latin-1 can say, in one line. What cannot be said is left out rather than changed.</summary>
    private static bool IsPlain(string value)
    {
        foreach (var c in value)
        {
            if (c is < ' ' and not '\t' or '\u007f' or > '\u00ff')
                return false;
        }
        return true;
    }
}
