using System.Net;
using System.Net.Sockets;
using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Puts the gateway together.</summary>
public static class GatewayHost
{
    private const int ReadBuffer = 256 * 1024;

    // What is not over in time is told so before its connection is cut.
    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(2);

    /// <summary>A gateway over the embedded engine and the models that the options name.</summary>
    public static WebApplication Build(GatewayOptions options, Action<WebApplicationBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Build(options, services => CreateEngine(options, services), configure);
    }

    /// <summary>A gateway over an engine that the caller owns.</summary>
    public static WebApplication Build(GatewayOptions options, IEngine engine, Action<WebApplicationBuilder>? configure = null) =>
        // The container disposes what it makes, not what it is given.
        Build(options, services => services.AddSingleton(engine), configure);

    /// <summary>A gateway over an engine that it makes at its start and disposes at its end.</summary>
    /// <param name="options">The checked options.</param>
    /// <param name="createEngine">Makes the engine; called once.</param>
    /// <param name="configure">A last word on logging and services, for tests and for the command line.</param>
    public static WebApplication Build(
        GatewayOptions options, Func<IServiceProvider, IEngine> createEngine, Action<WebApplicationBuilder>? configure = null) =>
        Build(options, services => services.AddSingleton(createEngine), configure);

    /// <summary>Sends the log to standard error, a line for each entry, so that standard output stays the program's own.</summary>
    public static void LogToStandardError(ILoggingBuilder logging)
    {
        ArgumentNullException.ThrowIfNull(logging);
        logging.Services.AddSingleton<ILoggerProvider>(services => new LineLogProvider(
            Console.OpenStandardError(), services.GetRequiredService<GatewayOptions>().Telemetry.LogFormat, services.GetRequiredService<TimeProvider>()));
    }

    /// <summary>Checks what <see cref="Build(GatewayOptions, Action{WebApplicationBuilder}?)"/> and <see cref="StartAsync"/> would refuse
    /// in the options, without changing anything.
    /// What depends on the moment, such as an address that is in use, is not looked at.</summary>
    /// <exception cref="GatewayStartException">A gateway would not start with them.</exception>
    public static void Check(GatewayOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        WireEndpoints.Check(options);
        CheckStores(options);
        KeyServices.Check(options, TimeProvider.System);
        DataFolder.Check(options.Data.Folder);
    }

    /// <summary>Prepares the data folder and starts listening.</summary>
    /// <exception cref="GatewayStartException">It cannot; the message is for whoever started it.</exception>
    public static async Task StartAsync(WebApplication gateway, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        var options = gateway.Services.GetRequiredService<GatewayOptions>();
        DataFolder.Prepare(options.Data.Folder);
        var listens = options.Wire.Resolve(options.Http);
        try
        {
            UnixSocketFiles.RemoveStale(listens);
            await gateway.StartAsync(cancellationToken).ConfigureAwait(false);
            UnixSocketFiles.Restrict(listens);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new EndpointUnavailableException(DescribeBindFailure(options.Http.Endpoints, listens, e), e);
        }
    }

    /// <summary>Where a started gateway listens, e.g. <c>http://127.0.0.1:11435</c>.</summary>
    public static IReadOnlyList<Uri> Addresses(WebApplication gateway)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        // Kestrel lists them in the order they were asked for: HTTP first.
        return [.. gateway.Urls.Take(Http(gateway).Count).Select(url => new Uri(url))];
    }

    /// <summary>Where a started gateway listens for MCP, e.g. <c>tcp://127.0.0.1:11436</c>.</summary>
    public static IReadOnlyList<string> WireAddresses(WebApplication gateway)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        var options = gateway.Services.GetRequiredService<GatewayOptions>();
        return [.. options.Wire.Resolve(options.Http).Zip(gateway.Urls.Skip(Http(gateway).Count), (listen, url) =>
            (listen.UnixPath is not null ? listen : listen with { Endpoint = listen.Endpoint! with { Port = new Uri(url).Port } }).ToString())];
    }

    private static IReadOnlyList<HttpEndpoint> Http(WebApplication gateway) => gateway.Services.GetRequiredService<GatewayOptions>().Http.Endpoints;

    private static string DescribeBindFailure(IReadOnlyList<HttpEndpoint> endpoints, IReadOnlyList<WireListen> listens, Exception exception)
    {
        var which = endpoints.FirstOrDefault(endpoint => exception.Message.Contains(endpoint.ToString(), StringComparison.Ordinal));
        var wire = which is null ? listens.FirstOrDefault(l => exception.Message.Contains(l.UnixPath ?? l.Endpoint!.ToString(), StringComparison.Ordinal)) : null;
        var name = which?.ToString() ?? wire?.ToString() ?? string.Join(", ", endpoints);
        var how = wire is null ? "--http ADDR:PORT or Http:Endpoints" : "--mcp ADDR:PORT or Mcp:Listen";
        var socket = exception as SocketException ?? exception.InnerException as SocketException ?? exception.InnerException?.InnerException as SocketException;
        var reason = socket?.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "the address is already in use",
            SocketError.AccessDenied => "no permission for this port",
            SocketError.AddressNotAvailable => "this machine has no such address",
            _ => exception.Message.TrimEnd('.'),
        };
        return $"cannot listen on {name}: {reason}; choose another with {how}";
    }

    private static WebApplication Build(
        GatewayOptions options, Action<IServiceCollection> addEngine, Action<WebApplicationBuilder>? configure)
    {
        ArgumentNullException.ThrowIfNull(options);
        CheckStores(options);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "chasqui" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            ConfigureKestrel(kestrel, options.Http);
            WireEndpoints.Listen(kestrel, options);
        });
        // What waits for room, or for its reader, is not read on. The server's own 1 MiB for each connection would be a gigabyte for a thousand that send and wait.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.MaxReadBufferSize = ReadBuffer);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Shutdown.DrainTimeout + _farewell);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(new LiveGatewaySettings(ConfigurationFile.SettingsOf(options)));
        builder.Services.AddSingleton<IGatewaySettings>(services => services.GetRequiredService<LiveGatewaySettings>());
        addEngine(builder.Services);
        builder.Services.AddNodes(options);
        builder.Services.AddKeys(options);
        builder.Services.AddSessions(options);
        builder.Services.AddSingleton<ApiContext>();
        builder.Services.AddSingleton<Router>();
        builder.Services.AddHostedService(services => new IdleMemory(services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<ChannelHub>();
        builder.Services.AddSingleton<WireGateway>();
        builder.Services.AddWireTransport();
        var threshold = new LogThreshold(options.Telemetry.LogLevel);
        builder.Services.AddSingleton(threshold);
        // What the framework has to say is for those who look into it.
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddFilter(threshold.Allows)
            .AddFilter("Microsoft", level => level >= LogLevel.Warning && threshold.Allows(level))
            // Why it could not start is an exception, which whoever started it tells.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.Critical);
        builder.AddTelemetry(options);
        configure?.Invoke(builder);

        var app = builder.Build();
        app.Services.PrepareKeys(options);
        // One pipeline, for what comes by HTTP and for what comes over MCP as a body of HTTP.
        var pipeline = ((IApplicationBuilder)app).New();
        pipeline.UseMetrics(options);
        pipeline.UseMiddleware<RequestLog>();
        pipeline.UseMiddleware<ErrorBoundary>();
        pipeline.UseMiddleware<OriginPolicy>();
        pipeline.UseMiddleware<HostFilter>();
        pipeline.UseMiddleware<KeyGate>();
        app.Services.WatchLog();
        app.Services.WatchLoads();
        var wire = app.Services.GetRequiredService<WireGateway>();
        pipeline.Use(wire.UpgradeAsync);
        pipeline.Run(app.Services.GetRequiredService<Router>().InvokeAsync);
        var built = pipeline.Build();
        wire.UseHttp(built);
        app.UseWebSockets();
        app.Run(built);
        return app;
    }

    /// <summary>Before anything is started, so that a start is not given up half way.</summary>
    private static void CheckStores(GatewayOptions options)
    {
        if (options.SessionDatabase.Length > 0)
            PostgresSessionStore.Check(options.SessionDatabase);
        if (options.Cache.Redis.Length > 0)
            _ = RedisStore.Read(options.Cache.Redis);
    }

    private static ManagedEngine CreateEngine(GatewayOptions options, IServiceProvider services)
    {
        var models = ModelManagement.Models(options, services);
        var engine = options.Engine with { KeepAlive = options.Models.KeepAlive };
        var llama = new LlamaEngine(engine, models, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILoggerFactory>());
        return ModelManagement.Add(llama, options, models, services);
    }

    private static void ConfigureKestrel(KestrelServerOptions kestrel, HttpOptions options)
    {
        kestrel.AddServerHeader = false;
        // The limit is ours, so that its error has the API's form.
        kestrel.Limits.MaxRequestBodySize = null;
        // It counts bytes in the socket's buffer as sent, and so does not see a client that takes nothing; the guard below does.
        kestrel.Limits.MinResponseDataRate = null;
        var guard = new ClientStallGuard(
            options.StallTimeout, kestrel.ApplicationServices.GetRequiredService<TimeProvider>(), kestrel.ApplicationServices.GetRequiredService<ILogger<ClientStallGuard>>());
        var services = kestrel.ApplicationServices;
        var admission = new HttpAdmission(
            new ConnectionQuota(options.MaxConnections, services.GetRequiredService<IGatewaySettings>(), services.GetRequiredService<RefusalCounts>()),
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<HttpAdmission>>());
        foreach (var endpoint in options.Endpoints)
        {
            // "Any" falls back to IPv4 on a machine without IPv6.
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
                kestrel.ListenAnyIP(endpoint.Port, Guard);
            else
                kestrel.Listen(endpoint.Address, endpoint.Port, Guard);
        }

        void Guard(ListenOptions listen)
        {
            listen.Use(next => connection => admission.AdmitAsync(connection, next));
            listen.Use(next => connection => guard.WatchAsync(connection, next));
        }
    }
}
