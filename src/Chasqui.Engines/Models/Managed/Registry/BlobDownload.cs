using System.Buffers;
using System.Net;
using System.Net.Http.Headers;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Fetches blobs in ranges, several at once, and goes on where an earlier attempt ended.</summary>
internal sealed class BlobDownload(RegistryClient registry, BlobStore blobs, StoreFiles files, StoreSpace space, RegistryOptions options, TimeProvider time)
{
    private const int Window = 128 << 10;
    private const long SaveEvery = 16L << 20;

    private readonly KeyedGate _gate = new();

    /// <summary>Fetches a blob unless it is there.</summary>
    /// <exception cref="RegistryException">The registry has not got it, or breaks off again and again.</exception>
    /// <exception cref="EngineFailedException">It cannot be written, or is not what its digest says.</exception>
    public async Task FetchAsync(RegistryReference reference, StoredLayer layer, IProgressSink progress, CancellationToken cancellationToken)
    {
        var report = new TransferReport("pulling", layer, progress, options, time);
        using var mine = await _gate.EnterAsync(layer.Digest.FileName, cancellationToken).ConfigureAwait(false);
        if (!blobs.Has(layer.Digest))
        {
            // What was left of an earlier attempt may be damaged; a fresh one that is wrong is the registry's fault.
            if (!await OnceAsync(reference, layer, report, cancellationToken).ConfigureAwait(false))
                await OnceAsync(reference, layer, report, cancellationToken).ConfigureAwait(false);
        }
        await report.EndAsync().ConfigureAwait(false);
    }

    private async Task<bool> OnceAsync(RegistryReference reference, StoredLayer layer, TransferReport report, CancellationToken cancellationToken)
    {
        using var blob = PartialBlob.Open(files, blobs.PathOf(layer.Digest), layer.Size, options.PartBytes);
        space.RequireRoom(layer.Size - blob.Completed);
        try
        {
            await FetchPartsAsync(reference, layer, blob, report, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            blob.Save();
        }

        var actual = await blob.HashAsync(cancellationToken).ConfigureAwait(false);
        if (actual == layer.Digest)
        {
            blob.Commit(blobs.PathOf(layer.Digest));
            return true;
        }
        var resumed = blob.IsResumed;
        blob.Discard();
        return resumed ? false
            : throw new EngineFailedException($"digest mismatch, file must be downloaded again: want {layer.Digest}, got {actual}");
    }

    private async Task FetchPartsAsync(RegistryReference reference, StoredLayer layer, PartialBlob blob, TransferReport report, CancellationToken cancellationToken)
    {
        try
        {
            var pending = blob.Parts.Where(part => part.Completed < part.Size);
            await Parallel.ForEachAsync(pending, new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = cancellationToken },
                async (part, stop) => await FetchPartAsync(reference, layer, blob, part, report, stop).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (NoRangesException)
        {
            blob.Restart(layer.Size);
            await FetchPartAsync(reference, layer, blob, blob.Parts[0], report, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<bool> FetchPartAsync(
        RegistryReference reference, StoredLayer layer, PartialBlob blob, BlobPart part, TransferReport report, CancellationToken cancellationToken) =>
        Retry.RunAsync(() => AttemptAsync(reference, layer, blob, part, report, cancellationToken), () => part.Completed, options, time, cancellationToken);

    private async Task<bool> AttemptAsync(
        RegistryReference reference, StoredLayer layer, PartialBlob blob, BlobPart part, TransferReport report, CancellationToken cancellationToken)
    {
        var from = part.Offset + part.Completed;
        var to = part.Offset + part.Size - 1;
        using var response = await registry.SendAsync(reference, () => new HttpRequestMessage(HttpMethod.Get, reference.Blob(layer.Digest))
        {
            Headers = { Range = new RangeHeaderValue(from, to) },
        }, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            if (response.Content.Headers.ContentRange is { From: { } begin } && begin != from)
                throw new RegistryException($"{reference.Name.Host} sent bytes from {begin} where those from {from} were asked for", mayRetry: true);
        }
        else if (blob.Parts.Count > 1)
        {
            throw new NoRangesException();
        }
        else
        {
            // The whole, from its beginning.
            part.Completed = 0;
        }
        await CopyAsync(reference, response, blob, part, report, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task CopyAsync(
        RegistryReference reference, HttpResponseMessage response, PartialBlob blob, BlobPart part, TransferReport report, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Window);
        using var silence = registry.Watch();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            var body = await response.Content.ReadAsStreamAsync(stop.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                var saved = part.Completed;
                while (part.Completed < part.Size)
                {
                    var room = (int)Math.Min(buffer.Length, part.Size - part.Completed);
                    var read = await body.ReadAsync(buffer.AsMemory(0, room), stop.Token).ConfigureAwait(false);
                    if (read == 0)
                        throw new RegistryException($"{reference.Name.Host} ended a blob early", mayRetry: true);
                    silence.CancelAfter(options.Stall);
                    await blob.WriteAsync(part.Offset + part.Completed, buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                    part.Completed += read;
                    report.At(blob.Completed);
                    if (part.Completed - saved < SaveEvery)
                        continue;
                    saved = part.Completed;
                    blob.Save();
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new RegistryException($"{reference.Name.Host} broke off a blob: {e.Message}", mayRetry: true, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"{reference.Name.Host} sent nothing for {options.Stall.TotalSeconds:0.#} s", mayRetry: true, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The registry sends a blob only as a whole.</summary>
    private sealed class NoRangesException : Exception;
}
