using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// Which headers of a request go on to a node: those that say how the body is written and what answer is wanted, and those of ours that another Chasqui heeds.
/// All others are a matter between client and gateway, among them keys, cookies, and what a proxy or a node would take for the gateway's own word.
/// </summary>
internal static class PassageHeaders
{
    private static readonly FrozenSet<string> _passed = new[]
    {
        "Accept", "Accept-Language", "Cache-Control", "Content-Type", "User-Agent", "Anthropic-Beta", "Anthropic-Version", "OpenAI-Beta",
        "X-Chasqui-Priority", "X-Chasqui-Continue", "X-Chasqui-Max-Wait", "X-Chasqui-Queue-Progress", "X-Chasqui-Resume",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static List<KeyValuePair<string, string>> Of(HttpRequest request)
    {
        // Kestrel keeps of a value with "keep-alive", "close" or "upgrade" that word alone. What stood beside it is not known here, and
        // but for those below it does not go on anyway.
        var connection = request.Headers.Connection.Count == 0 ? null : request.Headers.Connection.ToString();
        var kept = new List<KeyValuePair<string, string>>(_passed.Count);
        foreach (var (name, values) in request.Headers)
        {
            if (!_passed.Contains(name) || ConnectionHeaders.Names(connection, name))
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
