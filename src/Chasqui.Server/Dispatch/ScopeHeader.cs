using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// Tells a gateway which of another gateway's callers asks, so that it shares computed beginnings of prompts among those of one caller
/// alone.
/// </summary>
internal static class ScopeHeader
{
    /// <summary>Any text. It divides what the caller shares, and reaches nothing of others.</summary>
    public const string Name = "X-Chasqui-Prefix-Scope";

    /// <summary>Reads what the request says.</summary>
    public static void Read(IHeaderDictionary headers, RequestMeasure measure) =>
        measure.GivenScope = headers.TryGetValue(Name, out var scope) ? scope.ToString() : null;
}
