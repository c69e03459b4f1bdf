using Chasqui.Engines.Wire;
using Chasqui.Transport;
using Messages = Chasqui.Protocol.Messages;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>The operations that an engine answers.</summary>
/// <param name="engine">The engine.</param>
/// <param name="usualKeepAlive">How long a model stays that is no longer pinned.</param>
/// <param name="changed">Told of models that were loaded or unloaded: what, and which.</param>
internal sealed class EngineOperations(IEngine engine, TimeSpan usualKeepAlive, Action<string, string> changed)
{
    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.Generate, async (call, answer, ct) =>
            await StreamAsync(engine.GenerateAsync(WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.GenerateRequest.Parser, ct).ConfigureAwait(false)), ct), answer, ct).ConfigureAwait(false)),
        new(Op.Chat, async (call, answer, ct) =>
            await StreamAsync(engine.ChatAsync(WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.ChatRequest.Parser, ct).ConfigureAwait(false)), ct), answer, ct).ConfigureAwait(false)),
        new(Op.Infer, InferAsync),
        new(Op.Embed, async (call, answer, ct) =>
        {
            var request = WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.EmbedRequest.Parser, ct).ConfigureAwait(false));
            await answer.SendAsync(WireUpdates.ToWire(await engine.EmbedAsync(request, ct).ConfigureAwait(false)), end: true, ct).ConfigureAwait(false);
        }),
        new(Op.Tokenize, async (call, answer, ct) =>
        {
            var request = WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.TokenizeRequest.Parser, ct).ConfigureAwait(false));
            var response = new Messages.TokenizeResponse();
            response.Tokens.AddRange(await engine.TokenizeAsync(request, ct).ConfigureAwait(false));
            await answer.SendAsync(response, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsList, async (call, answer, ct) =>
        {
            await WireRequest.ReadAsync(call, Messages.Empty.Parser, ct).ConfigureAwait(false);
            var list = new Messages.ModelList();
            list.Models.AddRange((await engine.ListAsync(ct).ConfigureAwait(false)).Select(WireModels.ToWire));
            await answer.SendAsync(list, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsShow, async (call, answer, ct) =>
            await answer.SendAsync(WireModels.ToWire(await engine.ShowAsync(await NameAsync(call, ct).ConfigureAwait(false), ct).ConfigureAwait(false)), end: true, ct).ConfigureAwait(false)),
        new(Op.ModelsPs, async (call, answer, ct) =>
        {
            await WireRequest.ReadAsync(call, Messages.Empty.Parser, ct).ConfigureAwait(false);
            var list = new Messages.ResidentList();
            list.Models.AddRange((await engine.ListResidentAsync(ct).ConfigureAwait(false)).Select(WireModels.ToWire));
            await answer.SendAsync(list, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsLoad, async (call, answer, ct) =>
            await LoadAsync(WireRequests.FromWire(await WireRequest.ReadAsync(call, Messages.LoadRequest.Parser, ct).ConfigureAwait(false)), "loaded", answer, ct).ConfigureAwait(false)),
        new(Op.ModelsPin, async (call, answer, ct) =>
        {
            var pin = await WireRequest.ReadAsync(call, Messages.PinRequest.Parser, ct).ConfigureAwait(false);
            var request = new LoadRequest { Model = WireRequests.Model(pin.Model), KeepAlive = pin.Unpin ? usualKeepAlive : Timeout.InfiniteTimeSpan };
            await LoadAsync(request, pin.Unpin ? "unpinned" : "pinned", answer, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsUnload, async (call, answer, ct) =>
        {
            var model = await NameAsync(call, ct).ConfigureAwait(false);
            var was = await engine.UnloadAsync(model, ct).ConfigureAwait(false);
            if (was)
                changed("unloaded", model);
            await answer.SendAsync(new Messages.UnloadResponse { WasResident = was }, end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsPull, (_, _, _) => throw new NotSupportedException("this engine cannot pull models; put a GGUF file into its folder")),
    ];

    private async ValueTask InferAsync(IncomingCall call, WireAnswer answer, CancellationToken cancellationToken)
    {
        var request = await WireRequest.ReadAsync(call, Messages.InferRequest.Parser, cancellationToken).ConfigureAwait(false);
        var updates = request.RequestCase switch
        {
            Messages.InferRequest.RequestOneofCase.Generate => engine.GenerateAsync(WireRequests.FromWire(request.Generate), cancellationToken),
            Messages.InferRequest.RequestOneofCase.Chat => engine.ChatAsync(WireRequests.FromWire(request.Chat), cancellationToken),
            _ => throw new InvalidRequestException("the request must have generate or chat"),
        };
        await StreamAsync(updates, answer, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask LoadAsync(LoadRequest request, string what, WireAnswer answer, CancellationToken cancellationToken)
    {
        var model = await engine.LoadAsync(request, cancellationToken).ConfigureAwait(false);
        changed(what, model.Summary.Name);
        await answer.SendAsync(WireModels.ToWire(model), end: true, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask<string> NameAsync(IncomingCall call, CancellationToken cancellationToken) =>
        WireRequests.Model((await WireRequest.ReadAsync(call, Messages.ModelName.Parser, cancellationToken).ConfigureAwait(false)).Model);

    private static async ValueTask StreamAsync(IAsyncEnumerable<GenerationUpdate> updates, WireAnswer answer, CancellationToken cancellationToken)
    {
        var ended = false;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            ended = update.Result is not null;
            await answer.SendAsync(WireUpdates.ToWire(update), ended, cancellationToken).ConfigureAwait(false);
        }

        if (!ended)
            throw new EngineFailedException("the engine ended its answer without a result");
    }
}
