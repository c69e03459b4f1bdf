using System.IO.Pipelines;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What holds for bodies while they come: how much of them is held, and how long they may take. Thread-safe.</summary>
internal sealed class BodyRules(ByteBudget budget, CallerLoads loads, RefusalCounts refusals, IGatewaySettings settings, TimeProvider time)
{
    /// <summary>What the body of this request has of the budget; nothing yet.</summary>
    public BodyCharge Charge(HttpContext http)
    {
        var state = RequestState.Of(http);
        return new BodyCharge(budget, loads, state.Load ?? throw new InvalidOperationException("the request has no load: KeyGate must come first"), CallerGate.Caller);
    }

    /// <summary>The patience with a body; null for one that comes over MCP, where the call has it.</summary>
    public BodyPatience? Patience(HttpContext http, PipeReader reader) =>
        http.Features.Get<WireCaller>() is null ? new BodyPatience(reader, settings.Current.Limits.Load, refusals, time) : null;

    /// <summary>The body of a request that may be of any length, so that only its silence is limited.</summary>
    public Stream Patient(HttpContext http) => http.Features.Get<WireCaller>() is null ? new PatientStream(http.Request.Body, settings.Current.Limits.Load, refusals, time) : http.Request.Body;
}
