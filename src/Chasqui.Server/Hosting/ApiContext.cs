using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Sessions;
using Chasqui.Gateway.Shaping;
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
        var state = RequestState.Of(http);
        var owned = state.Body is null ? await ReadRawBodyAsync(http).ConfigureAwait(false) : null;
        try
        {
            var bytes = owned?.Memory ?? state.Body!.Value;
            await bodies.ReadsAsync(state, bytes.Length, http.RequestAborted).ConfigureAwait(false);
            return RequestBody.Of(bytes, owned);
        }
        catch
        {
            owned?.Dispose();
            throw;
        }
    }

    /// <summary>The request's body as it is; to be disposed. Who may make no request of a model now is refused before anything of it is read.</summary>
    /// <exception cref="RateLimitedException">A limit of requests is reached, or the caller holds too many bytes.</exception>
    public ValueTask<PooledBody> ReadRawBodyAsync(HttpContext http) =>
        Gate.IsLimited && Router.Find(http)?.Scope.HasFlag(Scopes.Infer) == true && Gate.Expect() is { } arrival ? ReadAsync(http, arrival) : ReadAsync(http);

    private async ValueTask<PooledBody> ReadAsync(HttpContext http, Arrival arrival)
    {
        using (arrival)
            return await ReadAsync(http).ConfigureAwait(false);
    }

    private ValueTask<PooledBody> ReadAsync(HttpContext http) => PooledBody.ReadAsync(http, options.Http.MaxRequestBodyBytes, bodies, http.RequestAborted);

    /// <summary>The request's body where it may be of any length.</summary>
    public Stream StreamedBody(HttpContext http) => bodies.Patient(http);

    /// <summary>When a model leaves memory, in a form that every client can read.</summary>
    public DateTimeOffset Expiry(DateTimeOffset expiresAt) => expiresAt == DateTimeOffset.MaxValue ? Time.GetUtcNow() + _forever : expiresAt;
}
