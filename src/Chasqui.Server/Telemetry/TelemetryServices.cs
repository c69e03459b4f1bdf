using System.Collections;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Chasqui.Server;

/// <summary>Puts telemetry to work: what is measured, and who is told.</summary>
internal static partial class TelemetryServices
{
    /// <summary>Where Prometheus asks.</summary>
    public const string MetricsPath = "/metrics";

    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string OtlpProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL";

    // Of .NET: garbage, threads, connections of HTTP. They cost something only when they are read, or once a connection.
    private static readonly string[] _meters = [GatewayTelemetry.Name, "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel"];

    public static void AddTelemetry(this WebApplicationBuilder builder, GatewayOptions options)
    {
        var telemetry = options.Telemetry;
        builder.Services.AddSingleton(services => new GatewayTelemetry(services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(services => new MeasuredEngine(
            options.IsEngineAlone ? services.GetRequiredService<IEngine>() : services.GetRequiredService<NodesEngine>(), telemetry.LogPrompts ? PromptLog(services.GetRequiredService<ILoggerFactory>()) : null));
        builder.Services.AddHostedService<BackgroundFaultLog>();
        // The spans are ours; with its log on, the web server would make another for each request.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        var prometheus = ServesMetrics(options);
        var environment = OpenTelemetryVariables(telemetry);
        var otlp = environment.ContainsKey(OtlpEndpoint);
        if (!prometheus && !otlp)
            return;

        builder.Configuration.AddInMemoryCollection(environment);
        var services = builder.Services.AddOpenTelemetry();
        if (!environment.ContainsKey("OTEL_SERVICE_NAME"))
            services.ConfigureResource(resource => resource.AddService("chasqui", serviceVersion: typeof(GatewayOptions).Assembly.GetName().Version?.ToString(3)));
        services.WithMetrics(metrics =>
        {
            metrics.AddMeter(_meters);
            if (prometheus)
                metrics.AddPrometheusExporter();
            if (otlp)
                metrics.AddOtlpExporter();
        });
        // Another gateway in this process is another's to tell of.
        builder.Services.ConfigureOpenTelemetryMeterProvider(static (services, metrics) =>
        {
            var own = services.GetRequiredService<GatewayTelemetry>().Meter;
            metrics.AddView(instrument => instrument.Meter.Name == own.Name && instrument.Meter != own ? MetricStreamConfiguration.Drop : null);
        });
        if (otlp)
            services.WithTracing(tracing => Trace(tracing, telemetry));
    }

    /// <summary>Answers <see cref="MetricsPath"/>, before requests are logged.</summary>
    public static void UseMetrics(this IApplicationBuilder pipeline, GatewayOptions options)
    {
        if (!ServesMetrics(options))
            return;
        pipeline.UseOpenTelemetryPrometheusScrapingEndpoint(
            meterProvider: null, http => http.Request.Path == MetricsPath, path: null,
            branch =>
            {
                branch.UseMiddleware<OriginPolicy>();
                branch.UseMiddleware<HostFilter>();
                branch.Use(NeedKeyAsync);
                branch.Use(GetOnlyAsync);
            },
            optionsName: null);
    }

    /// <summary>Counts the lines that the log drops.</summary>
    public static void WatchLog(this IServiceProvider services)
    {
        if (services.GetServices<ILoggerProvider>().OfType<LineLogProvider>().FirstOrDefault() is { } log)
            services.GetRequiredService<GatewayTelemetry>().WatchLog(() => log.Dropped);
    }

    /// <summary>Tells how many bytes of bodies are held, and what was refused.</summary>
    public static void WatchLoads(this IServiceProvider services) =>
        services.GetRequiredService<GatewayTelemetry>().WatchLoads(services.GetRequiredService<ByteBudget>(), services.GetRequiredService<RefusalCounts>());

    private static bool ServesMetrics(GatewayOptions options) => options.Telemetry.Prometheus && options.Http.Endpoints.Count > 0;

    private static Task NeedKeyAsync(HttpContext http, RequestDelegate next)
    {
        var caller = KeyGate.Find(http, http.RequestServices.GetRequiredService<KeyRing>());
        try
        {
            CallerGate.Ensure(caller ?? throw KeyGate.Refused(http), Scopes.Admin);
        }
        catch (EngineException e)
        {
            if (caller is null)
                http.Response.Headers.WWWAuthenticate = "Bearer";
            return JsonResponse.SendErrorAsync(http, ErrorMap.Map(e, default));
        }
        return next(http);
    }

    private static Task GetOnlyAsync(HttpContext http, RequestDelegate next)
    {
        if (HttpMethods.IsGet(http.Request.Method))
            return next(http);
        http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        http.Response.Headers.Allow = "GET";
        http.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private static void Trace(TracerProviderBuilder tracing, TelemetryOptions telemetry)
    {
        tracing.AddSource(GatewayTelemetry.Name).AddOtlpExporter();
        // Else what OTEL_TRACES_SAMPLER says, and without it all.
        if (telemetry.TraceSampling < 1)
            tracing.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(telemetry.TraceSampling)));
    }

    /// <summary>The standard variables, which the exporters look for in the configuration, where ours comes first.</summary>
    private static Dictionary<string, string?> OpenTelemetryVariables(TelemetryOptions telemetry)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith("OTEL_", StringComparison.Ordinal) && variable.Value is string { Length: > 0 })
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value, StringComparer.Ordinal);
        if (telemetry.OtlpEndpoint is { } endpoint)
        {
            variables[OtlpEndpoint] = endpoint.ToString();
            if (endpoint.Port == 4318)
                variables.TryAdd(OtlpProtocol, "http/protobuf");
        }

        return variables;
    }

    private static Action<string> PromptLog(ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("Chasqui.Server.Prompts");
        return prompt => Asked(logger, prompt.Length <= MaxPrompt ? prompt : prompt[..MaxPrompt] + "…");
    }

    /// <summary>Characters of a prompt that go into the log at most.</summary>
    private const int MaxPrompt = 16_384;

    [LoggerMessage(Level = LogLevel.Information, Message = "Prompt: {Prompt}")]
    private static partial void Asked(ILogger logger, string prompt);
}
