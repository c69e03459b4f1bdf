using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace Chasqui.Cli;

/// <summary>Changes the models of a gateway, or of an Ollama, over the HTTP API.</summary>
internal sealed class HttpModelManager(GatewayClient gateway, string? node) : IModelManager
{
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken) =>
        StreamAsync("api/pull", ManageJson.Transfer(request), cancellationToken);

    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken) =>
        StreamAsync("api/push", ManageJson.Transfer(request), cancellationToken);

    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken) =>
        StreamAsync("api/create", ManageJson.Create(request), cancellationToken);

    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken) =>
        gateway.SendAsync(HttpMethod.Post, "api/copy", GatewayClient.JsonBody(ManageJson.Copy(source, destination)), node, cancellationToken);

    public Task DeleteAsync(string model, CancellationToken cancellationToken) =>
        gateway.SendAsync(HttpMethod.Delete, "api/delete", GatewayClient.JsonBody(ChatJson.Show(model)), node, cancellationToken);

    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken) => gateway.HasAsync($"api/blobs/{digest}", node, cancellationToken);

    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken)
    {
        var body = new StreamContent(content) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
        return gateway.SendAsync(HttpMethod.Post, $"api/blobs/{digest}", body, node, cancellationToken);
    }

    private async IAsyncEnumerable<ModelProgress> StreamAsync(string path, byte[] request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = "";
        await foreach (var line in gateway.LinesAsync(path, request, node, cancellationToken))
        {
            var digest = line.Text("digest");
            last = line.Text("status");
            yield return digest.Length == 0 ? new ModelProgress(last) : new ModelProgress(last, digest, line.Number("total"), line.Number("completed"));
        }
        if (last != "success")
            throw gateway.BrokenOff();
    }
}
