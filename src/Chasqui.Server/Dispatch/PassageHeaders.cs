using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Which headers of a request go on to a node. Keys, cookies and origins are the gateway's matter and stay here.</summary>
internal static class PassageHeaders
{
    private static readonly FrozenSet<string> _ours = new[]
    {
        "Host", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "TE", "Trailer", "Upgrade", "Expect", "Proxy-Connection", "Proxy-Authorization",
        "Authorization", "X-Api-Key", "Cookie", "Origin", "Referer", "Accept-Encoding", "X-Chasqui-Node", "X-Chasqui-Explain",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static List<KeyValuePair<string, string>> Of(HttpRequest request)
    {
        var kept = new List<KeyValuePair<string, string>>(request.Headers.Count + 1);
        foreach (var (name, values) in request.Headers)
        {
            if (_ours.Contains(name) || TraceHeaders.IsOwn(name) || name.StartsWith(':'))
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
