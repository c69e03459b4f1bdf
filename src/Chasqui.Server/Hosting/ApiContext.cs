using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Sessions;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>What every endpoint needs.</summary>
internal sealed class ApiContext(
    IEngine embedded, MeasuredEngine measured, CallerGate gate, NodeSet nodes, GatewayOptions options, BodyRules bodies, TimeProvider time, IHostApplicationLifetime lifetime,
    Lazy<SessionTurns>? sessions = null,
    ResponseArchive? archive = null)
{
    /// <summary>292 years, the longest that Ollama's clock can say; it stands for "never".</summary>
    private static readonly TimeSpan _forever = TimeSpan.FromTicks(long.MaxValue / TimeSpan.NanosecondsPerTick);

    /// <summary>All nodes as one.</summary>
    public IEngine Engine { get; } = measured.Inner;

    /// <summary>The engine that comes with the gateway.</summary>
    public IEngine Embedded { get; } = embedded;

    /// <summary>The responses that are kept; null where none are, in an engine of a gateway.</summary>
    public ResponseArchive? Archive { get; } = archive;

    /// <summary>The engine that this request runs on: that of the node it was sent to or is for, else the one over all nodes; its chats are turns of the session that it names.</summary>
    public IEngine EngineOf(HttpContext http)
    {
        PassedOverHeader.Watch(http);
        return sessions is not null && SessionHeaders.Of(http.Request) is { } named
            ? new SessionEngine(PlainEngineOf(http), sessions.Value, named, Gate, turn => SessionHeaders.Tell(http.Response, turn), version => SessionHeaders.Tell(http.Response, version))
            : PlainEngineOf(http);
    }

    private IEngine PlainEngineOf(HttpContext http)
    {
        if (RequestState.Of(http).Engine is { } chosen)
            return chosen;
        return Gate.Guard(http.Request.Headers[DispatchEndpoint.NodeHeader] is [{ Length: > 0 } named, ..] && measured.Inner is NodesEngine all ? measured.Over(all.On(named)) : measured);
    }

    /// <summary>What whoever asks may do.</summary>
    public CallerGate Gate { get; } = gate;

    public TimeProvider Time { get; } = time;

    /// <summary>How long a stream may be silent before its client hears a sign of life.</summary>
    public TimeSpan KeepAliveInterval => nodes.Routing.KeepAliveInterval;

    public IHostApplicationLifetime Lifetime { get; } = lifetime;

    /// <summary>The most bytes of a request's body.</summary>
    public long MaxBody => options.Http.MaxRequestBodyBytes;

    public IReadOnlyList<string> Origins => options.Http.Origins;

    /// <summary>The request's JSON; to be disposed.</summary>
    public async Task<RequestBody> ReadBodyAsync(HttpContext http)
    {
        if (RequestState.Of(http) is not { Body: { } body } state)
            return await RequestBody.ReadAsync(http, options.Http.MaxRequestBodyBytes, bodies, http.RequestAborted).ConfigureAwait(false);
        await bodies.ReadsAsync(state, body.Length, http.RequestAborted).ConfigureAwait(false);
        return RequestBody.Of(body);
    }

    /// <summary>The request's body as it is; to be disposed.</summary>
    public ValueTask<PooledBody> ReadRawBodyAsync(HttpContext http) =>
        PooledBody.ReadAsync(http, options.Http.MaxRequestBodyBytes, bodies, http.RequestAborted);

    /// <summary>The request's body where it may be of any length.</summary>
    public Stream StreamedBody(HttpContext http) => bodies.Patient(http);

    /// <summary>When a model leaves memory, in a form that every client can read.</summary>
    public DateTimeOffset Expiry(DateTimeOffset expiresAt) => expiresAt == DateTimeOffset.MaxValue ? Time.GetUtcNow() + _forever : expiresAt;
}
