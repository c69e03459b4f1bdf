using System.Collections.Frozen;
using Chasqui.Protocol.Operations;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Requests that programs repeat by themselves: gateways, probes and user interfaces ask what there is and whether all is well. Where they succeed they
/// are written to the log at level debug, so that what people ask for can be seen.
/// </summary>
internal static class RoutineRequests
{
    private static readonly FrozenSet<string> _paths = new[]
    {
        "/", HealthEndpoint.Path, TelemetryServices.MetricsPath, NodesEndpoint.Path, "/api/version", "/api/status", "/api/tags", "/api/ps", "/api/queue", "/v1/models",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The level for a request of HTTP.</summary>
    public static LogLevel LevelOf(string method, string? path, int status) =>
        status is 200 or 304 && method is "GET" or "HEAD" && path is not null && _paths.Contains(path) ? LogLevel.Debug : LogLevel.Information;

    /// <summary>The level for a call of MCP.</summary>
    public static LogLevel LevelOf(string operation, string outcome) =>
        outcome == "200" && operation is Operation.ModelsList or Operation.ModelsPs or Operation.ServerInfo ? LogLevel.Debug : LogLevel.Information;
}
