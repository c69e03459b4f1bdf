using System.Net;
using System.Net.Http.Headers;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Sends blobs that a registry has not got, in parts.</summary>
internal sealed class BlobUpload(RegistryClient registry, RegistryOptions options, TimeProvider time)
{
    public async Task SendAsync(RegistryReference reference, StoredLayer layer, string path, IProgressSink progress, CancellationToken cancellationToken)
    {
        var report = new TransferReport("pushing", layer, progress, options, time);
        if (!await HasAsync(reference, layer.Digest, cancellationToken).ConfigureAwait(false))
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
            await using (file.ConfigureAwait(false))
                await SendAsync(reference, layer, file, report, cancellationToken).ConfigureAwait(false);
        }
        await report.EndAsync().ConfigureAwait(false);
    }

    private async Task<bool> HasAsync(RegistryReference reference, BlobDigest digest, CancellationToken cancellationToken)
    {
        try
        {
            using var _ = await TryAsync(reference, () => new HttpRequestMessage(HttpMethod.Head, reference.Blob(digest)), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RegistryException e) when (e.Status == HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    private async Task SendAsync(RegistryReference reference, StoredLayer layer, FileStream file, TransferReport report, CancellationToken cancellationToken)
    {
        Uri next;
        using (var begun = await TryAsync(reference, () => new HttpRequestMessage(HttpMethod.Post, reference.Uploads), cancellationToken).ConfigureAwait(false))
        {
            // Created: it was there under another name.
            if (begun.StatusCode == HttpStatusCode.Created)
                return;
            next = Next(begun, reference.Uploads);
        }
        for (var offset = 0L; offset < layer.Size; offset += options.PartBytes)
        {
            var size = Math.Min(options.PartBytes, layer.Size - offset);
            var (at, to) = (offset, next);
            using var sent = await TryAsync(reference, () => Part(to, file, at, size, report, cancellationToken), cancellationToken).ConfigureAwait(false);
            next = Next(sent, next);
        }
        var end = new UriBuilder(next) { Query = $"{next.Query.TrimStart('?')}&digest={Uri.EscapeDataString(layer.Digest.ToString())}".TrimStart('&') }.Uri;
        using var done = await TryAsync(reference, () => new HttpRequestMessage(HttpMethod.Put, end)
        {
            Content = new ByteArrayContent([]) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } },
        }, cancellationToken).ConfigureAwait(false);
    }

    private static HttpRequestMessage Part(Uri to, FileStream file, long offset, long size, TransferReport report, CancellationToken cancellationToken)
    {
        var content = new FilePartContent(file, offset, size, report, cancellationToken);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        content.Headers.TryAddWithoutValidation("Content-Range", FormattableString.Invariant($"{offset}-{offset + size - 1}"));
        return new HttpRequestMessage(HttpMethod.Patch, to) { Content = content };
    }

    private Task<HttpResponseMessage> TryAsync(RegistryReference reference, Func<HttpRequestMessage> make, CancellationToken cancellationToken) =>
        Retry.RunAsync(() => registry.SendAsync(reference, make, cancellationToken), () => 0, options, time, cancellationToken);

    private static Uri Next(HttpResponseMessage response, Uri current)
    {
        var location = response.Headers.TryGetValues("Docker-Upload-Location", out var values) ? values.First() : response.Headers.Location?.OriginalString;
        return location is not null && Uri.TryCreate(current, location, out var next) && next.Scheme is "http" or "https" ? next
            : throw new RegistryException("the registry does not say where the upload goes on", mayRetry: false);
    }
}
