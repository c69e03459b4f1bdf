using Chasqui.Engines.Wire;
using Chasqui.Gateway;
using Chasqui.Transport;
using Messages = Chasqui.Protocol.Messages;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>The operations that change models. Blobs go with op <c>http</c>.</summary>
internal sealed class ModelOperations(IEngine engine, CallerGate gate)
{
    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.ModelsPull, async (call, answer, ct) =>
            await StreamAsync(Manager(call).PullAsync(WireManagement.FromWire(await WireRequest.ReadAsync(call, Messages.TransferRequest.Parser, ct).ConfigureAwait(false)), ct), answer, ct).ConfigureAwait(false)),
        new(Op.ModelsPush, async (call, answer, ct) =>
            await StreamAsync(Manager(call).PushAsync(WireManagement.FromWire(await WireRequest.ReadAsync(call, Messages.TransferRequest.Parser, ct).ConfigureAwait(false)), ct), answer, ct).ConfigureAwait(false)),
        new(Op.ModelsCreate, async (call, answer, ct) =>
            await StreamAsync(Manager(call).CreateAsync(WireManagement.FromWire(await WireRequest.ReadAsync(call, Messages.CreateModelRequest.Parser, ct).ConfigureAwait(false)), ct), answer, ct).ConfigureAwait(false)),
        new(Op.ModelsCopy, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, Messages.CopyModelRequest.Parser, ct).ConfigureAwait(false);
            await Manager(call).CopyAsync(WireRequests.Model(request.Source), WireRequests.Model(request.Destination), ct).ConfigureAwait(false);
            await answer.SendAsync(new Messages.Empty(), end: true, ct).ConfigureAwait(false);
        }),
        new(Op.ModelsDelete, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, Messages.ModelName.Parser, ct).ConfigureAwait(false);
            await Manager(call).DeleteAsync(WireRequests.Model(request.Model), ct).ConfigureAwait(false);
            await answer.SendAsync(new Messages.Empty(), end: true, ct).ConfigureAwait(false);
        }),
    ];

    private IModelManager Manager(IncomingCall call) => gate.Guard((engine is NodesEngine nodes ? nodes.ManagerOn(call.Headers["node"]) : engine as IModelManager)
        ?? throw new NotSupportedException($"the engine {engine.Name} does not manage models"));

    /// <summary>The first step says only that it was begun, so it waits for the next: what cannot be is answered with a status, and is no stream that is reset.</summary>
    private static async ValueTask StreamAsync(IAsyncEnumerable<ModelProgress> progress, WireAnswer answer, CancellationToken cancellationToken)
    {
        ModelProgress? first = null;
        await foreach (var step in progress.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (first is null && !answer.Begun && !IsLast(step))
            {
                first = step;
                continue;
            }
            if (first is not null && !answer.Begun)
                await SendAsync(first).ConfigureAwait(false);
            await SendAsync(step).ConfigureAwait(false);
        }

        ValueTask SendAsync(ModelProgress step) => answer.SendAsync(WireManagement.ToWire(step), end: IsLast(step), cancellationToken);

        static bool IsLast(ModelProgress step) => step.Status == "success";
    }
}
