using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Who a connection of MCP belongs to, for requests of HTTP that come over it, and what that caller has under way; null where the caller was shown when a socket was opened.</summary>
internal sealed record WireCaller(Caller Caller, CallerLoad? Load);

/// <summary>Finds out who asks, and refuses who has no key where one is needed, or whose key does not reach so far. Only whether the gateway is well is nobody's secret.</summary>
internal sealed class KeyGate(RequestDelegate next, KeyRing keys, TrafficShaper shaper, CallerLoads loads, TimeProvider time)
{
    private const string ApiKey = "x-api-key";

    public Task InvokeAsync(HttpContext http)
    {
        if (http.Request.Path == HealthEndpoint.Path)
            return next(http);
        var caller = Find(http, keys);
        var route = Router.Find(http);
        if (RequestState.Of(http).Measure is not { } measure)
            return UpgradeAsync(http, caller);
        measure.Caller = caller ?? throw Refused(http);
        var scope = route?.Scope ?? Scopes.None;
        CallerGate.Ensure(caller, scope);
        var load = http.Features.Get<WireCaller>()?.Load is { } shared ? loads.Share(shared) : loads.Use(caller, http.Connection.RemoteIpAddress);
        loads.Enter(RequestState.Of(http), caller, load, http.Request.Path.StartsWithSegments(GenerationEndpoint.Path));
        if (scope.HasFlag(Scopes.Infer) && (shaper.HasLimits || !caller.Limit.IsNone))
            http.Response.OnStarting(static state => { var (http, time) = ((HttpContext, TimeProvider))state; RateHeaders.Write(http, time); return Task.CompletedTask; }, (http, time));
        return next(http);
    }

    /// <summary>Who asks; null where nobody is known by this key, or a key is needed and none is shown.</summary>
    public static Caller? Find(HttpContext http, KeyRing keys) =>
        http.Features.Get<WireCaller>() is { } over ? keys.Renew(over.Caller) : keys.Find(KeyOf(http));

    /// <summary>What is wrong where nobody was found.</summary>
    public static UnauthenticatedException Refused(HttpContext http) => new(http.Features.Get<WireCaller>() is not null
        ? "the key of this connection is not taken any more"
        : KeyOf(http) is not null
            ? "the key is not taken: it is wrong, was removed, or has expired"
            : "a key is needed: send it as \"Authorization: Bearer KEY\" or as \"x-api-key: KEY\"");

    private static string? KeyOf(HttpContext http)
    {
        var headers = http.Request.Headers;
        return (headers.Authorization is [{ } authorization] ? KeyRing.FromBearer(authorization) : null)
            ?? (headers[ApiKey] is [{ Length: > 0 } key] ? key : null);
    }

    /// <summary>A browser cannot add headers to the opening of a socket, so without a key there the hello has to have one.</summary>
    private Task UpgradeAsync(HttpContext http, Caller? caller)
    {
        if (caller is null && KeyOf(http) is not null)
            throw Refused(http);
        if (caller is not null && !ReferenceEquals(caller, Caller.Anonymous))
            http.Features.Set(new WireCaller(caller, null));
        return next(http);
    }
}
