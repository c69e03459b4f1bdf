using System.Net;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Ollama;

/// <summary>Changes the models of an Ollama node.</summary>
internal sealed partial class OllamaManager(NodeHttp http) : IModelManager
{
    private const string Success = "success";

    // What Ollama says where the registry has no such model.
    private const string Unpublished = "manifest: file does not exist";

    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return StreamAsync(Post("/api/pull", request.Model, OllamaRequests.Transfer(request)), said => said.Message.EndsWith(Unpublished, StringComparison.Ordinal)
            ? new RegistryModelNotFoundException(request.Model, said.Message)
            : new EngineFailedException(said.Message), cancellationToken);
    }

    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return StreamAsync(Post("/api/push", request.Model, OllamaRequests.Transfer(request)), said => Missing(said.Message)
            ? new ModelNotFoundException(request.Model, [])
            : new EngineFailedException(said.Message), cancellationToken);
    }

    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return StreamAsync(Post("/api/create", request.Model, OllamaRequests.Create(request)), said => Missing(said.Message) || Faults().IsMatch(said.Message)
            ? new InvalidRequestException(said.Message)
            : NodeErrors.Midway(request.Model, said), cancellationToken);
    }

    public async Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default)
    {
        try
        {
            await http.TellAsync(Post("/api/copy", source, OllamaRequests.Copy(source, destination)), cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidRequestException e) when (e.Message.EndsWith(" is invalid", StringComparison.Ordinal))
        {
            throw new InvalidModelNameException(e.Message.StartsWith("destination", StringComparison.Ordinal) ? destination : source);
        }
    }

    public Task DeleteAsync(string model, CancellationToken cancellationToken = default) =>
        http.TellAsync(Post("/api/delete", model, OllamaRequests.Named(model)) with { Method = HttpMethod.Delete }, cancellationToken);

    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default)
    {
        var reply = await http.SendAsync(new HttpCall { Method = HttpMethod.Head, Path = BlobPath(digest), Limits = http.Asking }, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            if (reply.Status != (int)HttpStatusCode.NotFound)
                await reply.EnsureSuccessAsync().ConfigureAwait(false);
            await reply.DrainAsync().ConfigureAwait(false);
            return reply.Status != (int)HttpStatusCode.NotFound;
        }
    }

    public async Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        await http.TellAsync(
            new HttpCall { Method = HttpMethod.Post, Path = BlobPath(digest), Upload = new UploadContent(content), Limits = http.Moving }, cancellationToken).ConfigureAwait(false);
    }

    private static string BlobPath(string digest) => Digests().IsMatch(digest ?? "")
        ? $"/api/blobs/{digest}"
        : throw new InvalidRequestException("invalid digest format");

    private static bool Missing(string text) =>
        text.Contains("no such file or directory", StringComparison.Ordinal) || text.Contains("not found", StringComparison.Ordinal) || text.Contains("does not exist", StringComparison.Ordinal);

    private HttpCall Post(string path, string model, ReadOnlyMemory<byte> body) => string.IsNullOrEmpty(model)
        ? throw new InvalidModelNameException(model ?? "")
        : new() { Method = HttpMethod.Post, Path = path, Body = body, Model = model, Limits = http.Moving };

    private async IAsyncEnumerable<ModelProgress> StreamAsync(
        HttpCall call, Func<ErrorText, EngineException> explain, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reply = await http.SendAsync(call, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            reply.EnsureType(HttpCall.Ndjson, HttpCall.Json);
            var ended = false;
            while (await reply.ReadLineAsync().ConfigureAwait(false))
            {
                var progress = reply.Decode(reply.Current, line => OllamaAnswers.Error(line) is { } said ? throw explain(said) : OllamaAnswers.Progress(line));
                ended = progress.Status == Success;
                yield return progress;
            }
            if (ended)
                await reply.DrainAsync().ConfigureAwait(false);
            if (!ended)
                throw new EngineFailedException($"node '{http.Name}' ended its answer to {call.Path} before it said {Success}");
        }
    }

    [GeneratedRegex("^sha256:[0-9a-f]{64}$", RegexOptions.NonBacktracking)]
    private static partial Regex Digests();

    [GeneratedRegex("^(?:invalid digest|unsupported quantization|unknown type|neither 'from' or 'files'|invalid model name|unsupported |no .* found)", RegexOptions.NonBacktracking)]
    private static partial Regex Faults();
}
