using System.Globalization;
using Chasqui.Engines.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The embedded engine in a worker process, which is told by its environment what this gateway's options say.</summary>
public static class EngineWorker
{
    /// <summary>Makes the engine; its first call starts the worker.</summary>
    /// <param name="options">The gateway's options.</param>
    /// <param name="program">The program that has the verb <c>engine</c>, and what comes before it.</param>
    /// <param name="services">Of the gateway.</param>
    public static WorkerEngine Create(GatewayOptions options, IReadOnlyList<string> program, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(program);
        var worker = new WorkerOptions { FileName = program[0], Arguments = [.. program.Skip(1)], Environment = EnvironmentOf(options) };
        return new WorkerEngine(worker, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILoggerFactory>());
    }

    /// <summary>Every option that the engine reads, as the environment of a process.</summary>
    internal static Dictionary<string, string> EnvironmentOf(GatewayOptions options)
    {
        var engine = options.Engine;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        Set("Engine:Slots", engine.Slots);
        Set("Engine:ContextLength", engine.ContextLength);
        Set("Engine:BatchTokens", engine.BatchTokens);
        Set("Engine:Threads", engine.Threads);
        Set("Engine:QueueLimit", engine.QueueLimit);
        Set("Engine:PrefixIdleSeconds", engine.PrefixIdleSeconds);
        Set("Engine:MaxLoadedModels", engine.MaxLoadedModels);
        Set("Engine:MemoryLimitBytes", engine.MemoryLimitBytes);
        Set("Engine:MemoryReserveBytes", engine.MemoryReserveBytes);
        for (var i = 0; i < options.Models.Folders.Count; i++)
            Set(FormattableString.Invariant($"Models:Folders:{i}"), options.Models.Folders[i]);
        if (options.Models.OllamaStore is { } store)
            Set("Models:OllamaStore", store);
        var keep = options.Models.KeepAlive;
        Set("Models:KeepAlive", keep == Timeout.InfiniteTimeSpan ? "-1" : FormattableString.Invariant($"{keep.Ticks * 100}ns"));
        Set("Data:Folder", options.Data.Folder);
        Set("Logging:Level", options.Telemetry.LogLevel.ToString().ToLowerInvariant());
        // Its spans are part of the gateway's traces.
        if (options.Telemetry.OtlpEndpoint is { } otlp)
            Set("Telemetry:OtlpEndpoint", otlp);
        Set("Telemetry:TraceSampling", options.Telemetry.TraceSampling);
        return environment;

        void Set(string key, object value) => environment[ConfigurationSource.EnvironmentPrefix + key.Replace(":", "__", StringComparison.Ordinal)] =
            Convert.ToString(value, CultureInfo.InvariantCulture)!;
    }
}
