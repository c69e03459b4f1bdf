using System.IO.Pipelines;
using System.Text.Json;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Serves MCP connections, wherever they come from, and says goodbye to them when the gateway stops. Thread-safe.</summary>
internal sealed class WireGateway
{
    /// <summary>The subprotocol of WebSockets.</summary>
    private const string Subprotocol = "chasqui.v1";

    private readonly GatewayOptions _options;
    private readonly IServiceProvider _services;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ConnectionOptions _connection;
    private readonly EngineOperations _engine;
    private readonly ModelOperations _models;
    private readonly ChannelHub _channels;
    private readonly TimeProvider _time;
    private readonly GatewayTelemetry _telemetry;
    private readonly ILogger _logger;
    private WireDispatcher? _dispatcher;

    public WireGateway(
        MeasuredEngine engine, GatewayOptions options, ChannelHub channels, IServiceProvider services, IHostApplicationLifetime lifetime, GatewayTelemetry telemetry,
        TimeProvider time, ILogger<WireGateway> logger)
    {
        _options = options;
        _channels = channels;
        _services = services;
        _lifetime = lifetime;
        _time = time;
        _telemetry = telemetry;
        _logger = logger;
        _engine = new EngineOperations(engine, options.Models.KeepAlive, PublishModel, options.IsEngineAlone ? null : services.GetRequiredService<WireRelay>(),
            options.IsEngineAlone ? null : services.GetRequiredService<WireSharing>());
        _models = new ModelOperations(engine.Inner);
        _connection = new ConnectionOptions { Settings = new Settings { Name = ServerInformation.Name }, Time = time, Logger = logger };
    }

    /// <summary>Gives it the pipeline that answers bodies of HTTP; called once, before the gateway starts.</summary>
    public void UseHttp(RequestDelegate pipeline)
    {
        var http = new HttpPassage(_services, pipeline, _options.Http.MaxRequestBodyBytes);
        _dispatcher = new WireDispatcher(
            [.. _engine.All, .. _models.All, .. new ChannelOperations(_channels).All, new(Protocol.Operations.Operation.Http, http.RunAsync)], _telemetry, _time, _logger);
    }

    /// <summary>Serves one connection until it ends.</summary>
    public async Task ServeAsync(IDuplexPipe transport)
    {
        await using var connection = Connection.Create(transport, ConnectionRole.Acceptor, _connection, _dispatcher!.HandleAsync);
        using var stopping = _lifetime.ApplicationStopping.UnsafeRegister(
            static state =>
            {
                var (connection, drain) = ((Connection, TimeSpan))state!;
                _ = connection.GoodbyeAsync(drain, CancellationToken.None);
            }, (connection, _options.Shutdown.DrainTimeout));
        _telemetry.Connections(1);
        try
        {
            await connection.OpenAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ProtocolException or ConnectionClosedException or OperationCanceledException)
        {
            // The connection itself logs why.
        }

        await connection.Closed.ConfigureAwait(false);
        _telemetry.Connections(-1);
    }

    /// <summary>Takes WebSockets at <c>/ws</c>; all else goes on.</summary>
    public async Task UpgradeAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Path != "/ws" || !http.WebSockets.IsWebSocketRequest)
        {
            await next(http).ConfigureAwait(false);
            return;
        }

        var offered = http.WebSockets.WebSocketRequestedProtocols;
        using var socket = await http.WebSockets.AcceptWebSocketAsync(
            new WebSocketAcceptContext { SubProtocol = offered.Contains(Subprotocol) ? Subprotocol : null, KeepAliveInterval = TimeSpan.Zero }).ConfigureAwait(false);
        await ServeAsync(WirePipe.Over(socket)).ConfigureAwait(false);
    }

    private void PublishModel(string what, string model)
    {
        var payload = new MemoryStream();
        using (var json = new Utf8JsonWriter(payload))
        {
            json.WriteStartObject();
            json.WriteString("event", what);
            json.WriteString("model", model);
            json.WriteEndObject();
        }

        _channels.Publish(ChannelHub.Models, "application/json", ByteString.CopyFrom(payload.GetBuffer().AsSpan(0, (int)payload.Length)));
    }
}
