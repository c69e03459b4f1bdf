using System.IO.Pipelines;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>What holds for bodies while they come: how much of them is held, and how long they may take. Thread-safe.</summary>
internal sealed class BodyRules(CallerGate gate, ByteBudget budget, CallerLoads loads, RefusalCounts refusals, IGatewaySettings settings, TimeProvider time)
{
    /// <summary>Bytes up to which a body is not counted: the limit of requests at a time bounds small ones.</summary>
    public const int Free = 16 * 1024;

    /// <summary>How often the bytes of a body are there once it has been read into types: as itself, as texts, which have two bytes for a character, and as what goes to the engine.</summary>
    public const int Copies = 4;

    private const int FreeToRead = 256 * 1024;

    /// <summary>Whether a call of MCP may be let in at all, asked before its message is read; see <see cref="CallerGate.Expect"/>.</summary>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public Arrival? Expect(string? operation) => gate.IsLimited && operation is not null && Asks(operation) ? gate.Expect() : null;

    private static bool Asks(string operation) => operation is Op.Generate or Op.Chat or Op.Infer or Op.Embed;

    /// <summary>What a request's body has of the budget, which is given back when the request has ended.</summary>
    public BodyCharge Charge(RequestState state) =>
        state.Charge ??= Charge(state.Load ?? throw new InvalidOperationException("the request has no load: KeyGate must come first"));

    /// <summary>Counts what a large body becomes when it is read into types, from before it is read to the end of the request.</summary>
    /// <exception cref="RateLimitedException">Its caller holds too many bytes.</exception>
    /// <exception cref="EngineOverloadedException">All callers together do.</exception>
    public ValueTask ReadsAsync(RequestState state, int bytes, CancellationToken cancellationToken) =>
        bytes <= FreeToRead || state.Load is null ? default : Charge(state).AddAsync((Copies - 1L) * bytes, cancellationToken);

    /// <summary>The same for a message of MCP, from before it is read to the end of the call.</summary>
    /// <exception cref="RateLimitedException">Its caller holds too many bytes.</exception>
    /// <exception cref="EngineOverloadedException">All callers together do.</exception>
    public async ValueTask ReadsAsync(CallerLoad load, RequestMeasure measure, long bytes, CancellationToken cancellationToken)
    {
        if (bytes <= FreeToRead)
            return;
        var charge = Charge(load);
        measure.Holds(charge);
        await charge.AddAsync((Copies - 1) * bytes, cancellationToken).ConfigureAwait(false);
    }

    private BodyCharge Charge(CallerLoad load) => new(budget, loads, load, CallerGate.Caller);

    /// <summary>The patience with a body; null for one that comes over MCP, where the call has it.</summary>
    public BodyPatience? Patience(HttpContext http, PipeReader reader) =>
        http.Features.Get<WireCaller>() is null ? new BodyPatience(reader, settings.Current.Limits.Load, refusals, time) : null;

    /// <summary>The body of a request that may be of any length, so that only its silence is limited.</summary>
    public Stream Patient(HttpContext http) => http.Features.Get<WireCaller>() is null ? new PatientStream(http.Request.Body, settings.Current.Limits.Load, refusals, time) : http.Request.Body;
}
