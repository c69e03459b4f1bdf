using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

internal sealed partial record ConfigurationKey
{
    /// <summary>The keys of the sections <c>Telemetry</c> and <c>Logging</c>.</summary>
    private static ConfigurationKey[] Telemetry =>
    [
        Switch("Telemetry:Prometheus", "true", "Whether `/metrics` of HTTP answers with the metrics in Prometheus's form.",
            (telemetry, on) => telemetry with { Prometheus = on }),
        new("Telemetry:OtlpEndpoint", false, "string", "`$OTEL_EXPORTER_OTLP_ENDPOINT`, else none", "an address such as http://localhost:4317, or empty for none",
            "Where traces and metrics are sent over OTLP: gRPC, or HTTP where the port is 4318 or `OTEL_EXPORTER_OTLP_PROTOCOL` says so.",
            (options, values) => values[0].Length == 0 ? With(options, telemetry => telemetry with { OtlpEndpoint = null })
                : Uri.TryCreate(values[0], UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? With(options, telemetry => telemetry with { OtlpEndpoint = uri })
                : null),
        new("Telemetry:TraceSampling", false, "number", "1", "a number from 0 to 1",
            "Share of the requests that have a trace, where the caller has not decided it already and traces are sent at all.",
            (options, values) => double.TryParse(values[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1
                ? With(options, telemetry => telemetry with { TraceSampling = share }) : null),
        Switch("Telemetry:LogPrompts", "false", "Whether what was asked goes into the log.",
            (telemetry, on) => telemetry with { LogPrompts = on }),
        new("Telemetry:LogFormat", false, "string", "text", "text or json",
            "The form of the log on standard error: a line for people, or a JSON object in each line.",
            (options, values) => values[0] switch
            {
                "text" => With(options, telemetry => telemetry with { LogFormat = LogFormat.Text }),
                "json" => With(options, telemetry => telemetry with { LogFormat = LogFormat.Json }),
                _ => null,
            }),
        new("Logging:Level", false, "string", "information", "trace, debug, information, warning, error or none",
            "The least level that the log has. `debug` also shows polls and health checks that succeed.",
            (options, values) => LevelOf(values[0]) is { } level ? With(options, telemetry => telemetry with { LogLevel = level }) : null)
            { Choices = ["trace", "debug", "information", "warning", "error", "none"], Reloads = true },
    ];

    private static LogLevel? LevelOf(string value) => value switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "information" => LogLevel.Information,
        "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "none" => LogLevel.None,
        _ => null,
    };

    private static ConfigurationKey Switch(string name, string @default, string meaning, Func<TelemetryOptions, bool, TelemetryOptions> apply) =>
        new(name, false, "boolean", @default, "true or false", meaning,
            (options, values) => bool.TryParse(values[0], out var on) ? With(options, telemetry => apply(telemetry, on)) : null);

    private static GatewayOptions With(GatewayOptions options, Func<TelemetryOptions, TelemetryOptions> change) => options with { Telemetry = change(options.Telemetry) };
}
