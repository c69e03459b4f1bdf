using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;
using Chasqui.Gateway.Telemetry;
using Chasqui.Transport;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>The operations that an engine answers.</summary>
/// <param name="engine">The engine.</param>
/// <param name="usualKeepAlive">How long a model stays that is no longer pinned.</param>
/// <param name="changed">Told of models that were loaded or unloaded: what, and which.</param>
/// <param name="relay">Sends generations to nodes; null for an engine alone.</param>
/// <param name="gate">What whoever asks may do.</param>
/// <param name="sharing">Lets equal ones be one; null where there is no relay.</param>
/// <param name="generations">Keeps those that want to be come back to; null where there is no relay.</param>
/// <param name="sessions">Records chats that name a session; null where there are none.</param>
internal sealed class EngineOperations(
    IEngine engine, TimeSpan usualKeepAlive, Action<string, string> changed, WireRelay? relay, CallerGate gate, WireSharing? sharing,
    WireGenerations? generations, Lazy<SessionTurns>? sessions)
{
    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.Generate, async (call, answer, ct) =>
            await GenerateAsync(call, answer, await WireRequest.ReadAsync(call, Messages.GenerateRequest.Parser, ct).ConfigureAwait(false), ct).ConfigureAwait(false)),
        new(Op.Chat, async (call, answer, ct) =>
            await ChatAsync(call, answer, await WireRequest.ReadAsync(call, Messages.ChatRequest.Parser, ct).ConfigureAwait(false), ct).ConfigureAwait(false)),
        new(Op.Infer, InferAsync),
        new(Op.Embed, async (call, answer, ct) =>
        {
            var request = WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.EmbedRequest.Parser, ct).ConfigureAwait(false));
            await answer.SendAsync(WireUpdates.ToWire(await EngineOf(call).EmbedAsync(request, ct).ConfigureAwait(false)), end: true, ct).ConfigureAwait(false);
        }),
        new(Op.Tokenize, async (call, answer, ct) =>
        {
            var request = WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.TokenizeRequest.Parser, ct).ConfigureAwait(false));
            var response = new Messages.TokenizeResponse();
            response.Tokens.AddRange(await EngineOf(call).TokenizeAsync(request, ct).ConfigureAwait(false));
            await answer.SendAsync(response, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsList, async (call, answer, ct) =>
        {
            await WireRequest.ReadAsync(call, Messages.Empty.Parser, ct).ConfigureAwait(false);
            var list = new Messages.ModelList();
            list.Models.AddRange((await EngineOf(call).ListAsync(ct).ConfigureAwait(false)).Select(WireModels.ToWire));
            await answer.SendAsync(list, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsShow, async (call, answer, ct) =>
            await answer.SendAsync(WireModels.ToWire(await EngineOf(call).ShowAsync(await NameAsync(call, ct).ConfigureAwait(false), ct).ConfigureAwait(false)), end: true, ct).ConfigureAwait(false)),
        new(Op.ModelsPs, async (call, answer, ct) =>
        {
            await WireRequest.ReadAsync(call, Messages.Empty.Parser, ct).ConfigureAwait(false);
            var list = new Messages.ResidentList();
            list.Models.AddRange((await EngineOf(call).ListResidentAsync(ct).ConfigureAwait(false)).Select(WireModels.ToWire));
            await answer.SendAsync(list, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsLoad, async (call, answer, ct) =>
            await LoadAsync(call, WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.LoadRequest.Parser, ct).ConfigureAwait(false)), "loaded", answer, ct).ConfigureAwait(false)),
        new(Op.ModelsPin, async (call, answer, ct) =>
        {
            var pin = await WireRequest.ReadAsync(call, Messages.PinRequest.Parser, ct).ConfigureAwait(false);
            var request = new LoadRequest { Model = WireRequests.Model(pin.Model), KeepAlive = pin.Unpin ? usualKeepAlive : Timeout.InfiniteTimeSpan };
            await LoadAsync(call, request, pin.Unpin ? "unpinned" : "pinned", answer, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsUnload, async (call, answer, ct) =>
        {
            var model = await NameAsync(call, ct).ConfigureAwait(false);
            var was = await EngineOf(call).UnloadAsync(model, ct).ConfigureAwait(false);
            if (was)
                changed("unloaded", ModelNames.Canonical(model));
            await answer.SendAsync(new Messages.UnloadResponse { WasResident = was }, end: true, ct).ConfigureAwait(false);
        }),
    ];

    private async ValueTask InferAsync(IncomingCall call, WireAnswer answer, CancellationToken cancellationToken)
    {
        var request = await WireRequest.ReadAsync(call, Messages.InferRequest.Parser, cancellationToken).ConfigureAwait(false);
        switch (request.RequestCase)
        {
            case Messages.InferRequest.RequestOneofCase.Generate:
                await GenerateAsync(call, answer, request.Generate, cancellationToken).ConfigureAwait(false);
                break;
            case Messages.InferRequest.RequestOneofCase.Chat:
                await ChatAsync(call, answer, request.Chat, cancellationToken).ConfigureAwait(false);
                break;
            default:
                throw new InvalidRequestException("the request must have generate or chat");
        }
    }

    private ValueTask GenerateAsync(IncomingCall call, WireAnswer answer, Messages.GenerateRequest request, CancellationToken cancellationToken)
    {
        SetScope(request.Common ??= new());
        var typed = WireRequests.FromWire(request);
        gate.EnsureTemplate(!string.IsNullOrEmpty(typed.Template));
        if (sessions is not null && SessionFields.Of(call) is not null)
            throw SessionEngine.IsForChats();
        return relay is null
            ? WireStreams.SendAsync(gate.Guard(engine).GenerateAsync(typed, cancellationToken), typed.WithTokens, answer, cancellationToken)
            : RelayAsync(call, answer, new RelayRequest(
                Op.Generate, "text_completion", request.Model, request.Prompt.Length, typed, request.ToByteArray(), (on, token) => on.GenerateAsync(typed, token)), relay, cancellationToken);
    }

    private ValueTask ChatAsync(IncomingCall call, WireAnswer answer, Messages.ChatRequest request, CancellationToken cancellationToken)
    {
        SetScope(request.Common ??= new());
        var typed = WireRequests.FromWire(request);
        var session = sessions is null ? null : SessionFields.Of(call);
        // What was said before is known here alone, and a node has to be told it.
        IEngine Over(IEngine on) => session is null ? on : new SessionEngine(on, sessions!.Value, session, gate, null, null);
        if (relay is null)
            return WireStreams.SendAsync(gate.Guard(engine).ChatAsync(typed, cancellationToken), typed.WithTokens, answer, cancellationToken);
        var relayed = new RelayRequest(
            Op.Chat, "chat", request.Model, request.Messages.Sum(m => m.Content.Length), typed, request.ToByteArray(), (on, token) => Over(on).ChatAsync(typed, token));
        return RelayAsync(call, answer, relayed, session is null ? relay : null, cancellationToken);
    }

    /// <summary>
    /// What a request says of its scope is replaced before anything is made of it, also where it goes on to a node as a message.
    /// </summary>
    private static void SetScope(Messages.GenerationCommon common)
    {
        var measure = RequestMeasure.Current;
        if (measure is not null)
            measure.GivenScope = common.HasPrefixScope ? common.PrefixScope : null;
        if (measure?.PrefixScope is { } scope)
            common.PrefixScope = scope;
        else
            common.ClearPrefixScope();
    }

    /// <param name="call">The call.</param>
    /// <param name="answer">Its answer.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="over">Sends it on as it is; null where a node cannot do with what was sent.</param>
    /// <param name="cancellationToken">The caller's.</param>
    private async ValueTask RelayAsync(IncomingCall call, WireAnswer answer, RelayRequest request, WireRelay? over, CancellationToken cancellationToken)
    {
        if (generations is not null && WireGenerations.Wants(call)
            && await generations.TryAnswerAsync(call, answer, request.Request.WithTokens, () => BeginAsync(call, request, cancellationToken), cancellationToken).ConfigureAwait(false))
            return;
        if (over is null)
            await WireStreams.SendAsync(request.Typed(EngineOf(call), cancellationToken), request.Request.WithTokens, answer, cancellationToken).ConfigureAwait(false);
        else if (sharing?.Shares(call, request.Request) == true)
            await ShareAsync(call, answer, request, sharing, cancellationToken).ConfigureAwait(false);
        else
            await over.RunAsync(call, answer, request, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<Func<CancellationToken, IAsyncEnumerable<GenerationUpdate>>> BeginAsync(IncomingCall call, RelayRequest request, CancellationToken cancellationToken)
    {
        RequestMeasure.Current?.Asks(request.Kind, request.Model);
        await gate.AdmitAsync(request.Model, request.Characters, request.Request.Options.NumPredict, cancellationToken).ConfigureAwait(false);
        var on = EngineOf(call);
        return token => request.Typed(on, token);
    }

    /// <summary>Each is let in by himself, also who gets an answer that was made for another.</summary>
    private async ValueTask ShareAsync(IncomingCall call, WireAnswer answer, RelayRequest request, WireSharing with, CancellationToken cancellationToken)
    {
        await gate.AdmitAsync(request.Model, request.Characters, request.Request.Options.NumPredict, cancellationToken).ConfigureAwait(false);
        await with.AnswerAsync(call, answer, request, EngineOf(call), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The engine, or the one node of it that the call names.</summary>
    private IEngine EngineOf(IncomingCall call) => gate.Guard(
        call.Headers["node"] is { } node && engine is MeasuredEngine { Inner: NodesEngine nodes } measured ? measured.Over(nodes.On(node)) : engine);

    private async ValueTask LoadAsync(IncomingCall call, LoadRequest request, string what, WireAnswer answer, CancellationToken cancellationToken)
    {
        var model = await EngineOf(call).LoadAsync(request, cancellationToken).ConfigureAwait(false);
        changed(what, ModelNames.Canonical(model.Summary.Name));
        await answer.SendAsync(WireModels.ToWire(model), end: true, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask<string> NameAsync(IncomingCall call, CancellationToken cancellationToken) =>
        WireRequests.Model((await WireRequest.ReadAsync(call, Messages.ModelName.Parser, cancellationToken).ConfigureAwait(false)).Model);
}
