using System.IO.Pipelines;
using System.Net;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Microsoft.AspNetCore.Connections;
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
    private readonly KeyRing _keys;
    private readonly CallerSessions _sessions;
    private readonly CallerLoads _loads;
    private readonly ByteBudget _budget;
    private readonly BodyRules _rules;
    private readonly IGatewaySettings _settings;
    private readonly RefusalCounts _refusals;
    private readonly EngineOperations _engine;
    private readonly WireGenerations? _generations;
    private readonly ModelOperations _models;
    private readonly ChannelHub _channels;
    private readonly CallerGate _gate;
    private readonly TimeProvider _time;
    private readonly GatewayTelemetry _telemetry;
    private readonly ILogger _logger;
    private readonly WireAdmission _admission;
    private readonly TurnedAway _turnedAway;
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
        _keys = services.GetRequiredService<KeyRing>();
        _sessions = services.GetRequiredService<CallerSessions>();
        (_loads, _budget, _rules) = (services.GetRequiredService<CallerLoads>(), services.GetRequiredService<ByteBudget>(), services.GetRequiredService<BodyRules>());
        (_settings, _refusals) = (services.GetRequiredService<IGatewaySettings>(), services.GetRequiredService<RefusalCounts>());
        _admission = new WireAdmission(new ConnectionQuota(options.Wire.MaxConnections, _settings, _refusals), options.Wire.MaxSilentConnections, logger);
        _turnedAway = new TurnedAway(time);
        _generations = options.IsEngineAlone ? null : new WireGenerations(services.GetRequiredService<Generations>(), _loads);
        var gate = _gate = services.GetRequiredService<CallerGate>();
        _engine = new EngineOperations(engine, options.Models.KeepAlive, PublishModel, options.IsEngineAlone ? null : services.GetRequiredService<WireRelay>(), gate,
            options.IsEngineAlone ? null : services.GetRequiredService<WireSharing>(), _generations, services.GetService<Lazy<SessionTurns>>());
        _models = new ModelOperations(engine.Inner, gate);
        _connection = new ConnectionOptions
        {
            Settings = new Settings { Name = ServerInformation.Name },
            Authenticate = credential => _keys.Find(KeyRing.FromBearer(credential)),
            StallTimeout = options.Wire.StallTimeout,
            // The one who asks an engine alone is a gateway, which has its own limits.
            BudgetOf = options.IsEngineAlone ? null : BudgetOf,
            Time = time,
            Logger = logger,
        };
    }

    /// <summary>Gives it the pipeline that answers bodies of HTTP; called once, before the gateway starts.</summary>
    public void UseHttp(RequestDelegate pipeline)
    {
        var http = new HttpPassage(_services, pipeline);
        _dispatcher = new WireDispatcher(
            [.. _engine.All, .. _generations?.All ?? [], .. _models.All,
            .. new ChannelOperations(_channels, _gate, _keys, _services.GetService<Lazy<SessionLog>>(), _sessions, _lifetime.ApplicationStopping).All,
            new(Protocol.Operations.Operation.Http, http.RunAsync)], _keys, _loads, _refusals, _settings, _telemetry, _time, _logger);
    }

    /// <summary>Takes a place for a connection that has come, and gives it back when that is over. Before anything is read of it, so also before TLS.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="isTls">Whether it speaks TLS, so that it cannot be told why it is turned away.</param>
    /// <param name="next">Serves it.</param>
    public async Task AdmitAsync(ConnectionContext connection, bool isTls, ConnectionDelegate next)
    {
        var from = ConnectionQuota.AddressOf(connection);
        if (_admission.TryEnter(from) is { } reason)
        {
            await _turnedAway.CloseAsync(connection, isTls ? null : WireAdmission.Goodbye(reason)).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            _admission.Leave(from);
        }
    }

    /// <summary>Serves one connection until it ends.</summary>
    /// <param name="transport">The bytes.</param>
    /// <param name="from">Where it comes from; null where that is no address.</param>
    public Task ServeAsync(IDuplexPipe transport, IPAddress? from) => ServeAsync(transport, from, _connection);

    private async Task ServeAsync(IDuplexPipe transport, IPAddress? from, ConnectionOptions options)
    {
        await using var connection = Connection.Create(transport, ConnectionRole.Acceptor, options, _dispatcher!.HandleAsync);
        connection.Origin = from;
        // Only a connection that has begun says goodbye when it is ended.
        var opening = connection.OpenAsync(CancellationToken.None);
        var silent = _admission.Waits(connection);
        var ending = EndWhen(connection, _lifetime.ApplicationStopping);
        _telemetry.Connections(1);
        try
        {
            await opening.ConfigureAwait(false);
            await ending.DisposeAsync().ConfigureAwait(false);
            ending = EndWhen(connection, _sessions.Of((Caller)connection.Identity!));
        }
        catch (Exception e) when (e is ProtocolException or ConnectionClosedException or OperationCanceledException)
        {
            // The connection itself logs why.
        }
        finally
        {
            _admission.Said(silent);
        }

        await connection.Closed.ConfigureAwait(false);
        await ending.DisposeAsync().ConfigureAwait(false);
        if (connection.Budget is ConnectionBudget { Load: var load })
            _loads.Release(load);
        _telemetry.Connections(-1);
    }

    /// <summary>What the connection holds counts for its caller: a key, or who has none by address.</summary>
    private ConnectionBudget BudgetOf(Connection connection)
    {
        var caller = connection.Identity as Caller ?? Caller.Anonymous;
        return new ConnectionBudget(_budget, _rules, _loads.Use(caller, connection.Origin as IPAddress), caller, _settings);
    }

    private CancellationTokenRegistration EndWhen(Connection connection, CancellationToken over) => over.UnsafeRegister(
        static state =>
        {
            var (gateway, connection) = ((WireGateway, Connection))state!;
            if (gateway._lifetime.ApplicationStopping.IsCancellationRequested)
                _ = connection.GoodbyeAsync(gateway._options.Shutdown.DrainTimeout, CancellationToken.None);
            else
                connection.Abort(ErrorCode.Unauthenticated, "the key is not taken any more");
        }, (this, connection));

    /// <summary>Takes WebSockets at <c>/ws</c>; all else goes on.</summary>
    public async Task UpgradeAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Path != "/ws" || !http.WebSockets.IsWebSocketRequest)
        {
            await next(http).ConfigureAwait(false);
            return;
        }

        var from = http.Connection.RemoteIpAddress;
        if (_admission.TryEnter(from) is { } reason)
        {
            http.Response.StatusCode = reason == RefusalReason.Connections ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status429TooManyRequests;
            http.Response.Headers.RetryAfter = "1";
            return;
        }
        try
        {
            await ServeWebSocketAsync(http).ConfigureAwait(false);
        }
        finally
        {
            _admission.Leave(from);
        }
    }

    private async Task ServeWebSocketAsync(HttpContext http)
    {
        var offered = http.WebSockets.WebSocketRequestedProtocols;
        using var socket = await http.WebSockets.AcceptWebSocketAsync(
            new WebSocketAcceptContext { SubProtocol = offered.Contains(Subprotocol) ? Subprotocol : null, KeepAliveInterval = TimeSpan.Zero }).ConfigureAwait(false);
        // Who has shown a key when the socket was opened need not show it again.
        var options = http.Features.Get<WireCaller>() is { Caller: var known }
            ? _connection with { Authenticate = credential => credential is null ? _keys.Renew(known) : _keys.Find(KeyRing.FromBearer(credential)) }
            : _connection;
        await ServeAsync(WirePipe.Over(socket), http.Connection.RemoteIpAddress, options).ConfigureAwait(false);
    }

    /// <summary>An event for each name that lists have of the model.</summary>
    private void PublishModel(string what, string model)
    {
        var rules = _services.GetRequiredService<ModelRules>();
        foreach (var name in rules.NamesOf(rules.Resolve(model)))
            PublishName(what, name);
    }

    private void PublishName(string what, string model)
    {
        var payload = new MemoryStream();
        using (var json = new Utf8JsonWriter(payload))
        {
            json.WriteStartObject();
            json.WriteString("event", what);
            json.WriteString("model", model);
            json.WriteEndObject();
        }

        _channels.Publish(ChannelHub.Models, "application/json", ByteString.CopyFrom(payload.GetBuffer().AsSpan(0, (int)payload.Length)), about: model);
    }
}
