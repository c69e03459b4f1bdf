namespace Chasqui.Server;

/// <summary>What the gateway tells of itself.</summary>
public sealed record TelemetryOptions
{
    /// <summary>Whether <c>/metrics</c> answers. Default true.</summary>
    public bool Prometheus { get; init; } = true;

    /// <summary>Where traces and metrics are sent over OTLP, an http or https address; null, the default, for what <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says, if anything.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>Share of the requests that have a trace, 0 to 1, where the caller has not decided it already. Default 1. Without OTLP nothing is traced.</summary>
    public double TraceSampling { get; init; } = 1;

    /// <summary>Whether what was asked goes into the log. Default false.</summary>
    public bool LogPrompts { get; init; }

    /// <summary>The least level that is logged. Default information; <see cref="Microsoft.Extensions.Logging.LogLevel.None"/> for no log.</summary>
    public Microsoft.Extensions.Logging.LogLevel LogLevel { get; init; } = Microsoft.Extensions.Logging.LogLevel.Information;

    /// <summary>The form of the log. Default text.</summary>
    public LogFormat LogFormat { get; init; }
}

/// <summary>Forms of the log.</summary>
public enum LogFormat
{
    /// <summary>A line for people.</summary>
    Text,

    /// <summary>A JSON object in each line.</summary>
    Json,
}
