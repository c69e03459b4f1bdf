using System.Runtime.CompilerServices;
using Chasqui.Client;
using Chasqui.Engines.Wire;
using Chasqui.Protocol.Messages;

namespace Chasqui.Cli;

/// <summary>Changes the models of a gateway over MCP.</summary>
internal sealed class WireModelManager(WireModelHost host, ChasquiClient client, CallOptions call) : IModelManager
{
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken) =>
        StreamAsync(client.PullModelAsync(WireManagement.ToWire(request), call, cancellationToken), cancellationToken);

    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken) =>
        StreamAsync(client.PushModelAsync(WireManagement.ToWire(request), call, cancellationToken), cancellationToken);

    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken) =>
        StreamAsync(client.CreateModelAsync(WireManagement.ToWire(request), call, cancellationToken), cancellationToken);

    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken) =>
        host.CallAsync(DoneAsync(client.CopyModelAsync(source, destination, call, cancellationToken)));

    public Task DeleteAsync(string model, CancellationToken cancellationToken) => host.CallAsync(DoneAsync(client.DeleteModelAsync(model, call, cancellationToken)));

    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken)
    {
        await using var answer = await host.CallAsync(client.HttpAsync("HEAD", $"/api/blobs/{digest}", call: call, cancellationToken: cancellationToken));
        return answer.Status == 200;
    }

    public async Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken)
    {
        await using var answer = await host.CallAsync(client.UploadAsync($"/api/blobs/{digest}", content, call, cancellationToken));
        if (answer.Status >= 400)
            throw new CliException(ErrorText.Of(await host.CallAsync(answer.ReadBodyAsync(cancellationToken: cancellationToken))) ?? $"{host.Place} answered with status {answer.Status}");
    }

    private async IAsyncEnumerable<ModelProgress> StreamAsync(IAsyncEnumerable<PullProgress> progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var steps = progress.GetAsyncEnumerator(cancellationToken);
        while (await host.CallAsync(steps.MoveNextAsync().AsTask()))
            yield return WireManagement.FromWire(steps.Current);
    }

    private static async Task<bool> DoneAsync(Task call)
    {
        await call;
        return true;
    }
}
