using System.Buffers;
using Chasqui.Engines.Http;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Copies a node's answer to the client: what comes together goes on together, and nothing waits for more.</summary>
internal static class PassageCopier
{
    // Beyond this the client is told even while more is there already.
    private const int MaxHeld = 64 * 1024;

    /// <summary>Sends status and headers with the first part of the body, then the rest as it comes.</summary>
    /// <param name="http">The client.</param>
    /// <param name="answer">The node's answer.</param>
    /// <param name="first">Its first part; empty where the body is.</param>
    /// <param name="length">The length of what is passed on; null where that is not known.</param>
    /// <param name="silence">Whoever may have begun the answer already.</param>
    /// <param name="lease">The attempt.</param>
    /// <param name="path">The path that was asked for.</param>
    /// <param name="usage">Told what passes by of an answer that is no stream.</param>
    /// <param name="measure">Told how much text passes by of an answer that is no stream; null where there is none.</param>
    /// <param name="stream">Watches the parts of a stream; null for another answer.</param>
    /// <exception cref="EngineFailedException">The node broke its answer off, or ended it before it was whole.</exception>
    public static async ValueTask CopyAsync(
        HttpContext http, IPassageAnswer answer, ReadOnlyMemory<byte> first, long? length, SilenceBreaker? silence, NodeLease lease, string path, UsageReader usage, RequestMeasure? measure, PassedStream? stream)
    {
        if (silence is null || !await silence.EndAsync().ConfigureAwait(false))
            Head(http.Response, answer, stream is not null ? null : length);
        var writer = http.Response.BodyWriter;
        var held = 0;
        for (var part = first; !part.IsEmpty;)
        {
            if (stream is null)
            {
                usage.Read(part.Span);
                measure?.Passed(part.Length);
                writer.Write(part.Span);
                lease.Progressed();
            }
            else if (stream.Write(writer, part.Span))
            {
                lease.Progressed();
            }
            held += part.Length;
            var reading = answer.ReadAsync(lease.Token);
            if (!reading.IsCompleted || held >= MaxHeld)
            {
                if (stream is { IsWhole: true })
                    lease.Completed(StreamSigns.Patience);
                await FlushAsync(http, lease).ConfigureAwait(false);
                held = 0;
            }
            try
            {
                part = await reading.ConfigureAwait(false);
            }
            catch (Exception e) when (stream is { IsWhole: true } && e is EngineException or OperationCanceledException && !http.RequestAborted.IsCancellationRequested)
            {
                // The client has all of the answer; that its node breaks off now, or says nothing more, takes nothing away.
                stream.End(writer, path);
                (part, held) = (default, 1);
            }
        }
        stream?.Complete(writer, lease.Node.Name);
        if (held > 0 || stream is not null)
            await FlushAsync(http, lease).ConfigureAwait(false);
    }

    private static void Head(HttpResponse response, IPassageAnswer answer, long? length)
    {
        response.StatusCode = answer.Status;
        response.ContentLength = length;
        var headers = response.Headers;
        foreach (var (name, value) in answer.Headers)
        {
            // Kestrel sends ASCII alone, and would refuse the whole answer. Of two gateways in a row the first one tells its own node, route and wait.
            if (TraceHeaders.IsOwn(name) || !System.Text.Ascii.IsValid(value) || IsOwn(name))
                continue;
            if (headers.TryGetValue(name, out var before))
                headers[name] = Microsoft.Extensions.Primitives.StringValues.Concat(before, value);
            else
                headers[name] = value;
        }
    }

    private static bool IsOwn(string name) => name.StartsWith("X-Chasqui-", StringComparison.OrdinalIgnoreCase)
        && (name.Equals(DispatchEndpoint.NodeHeader, StringComparison.OrdinalIgnoreCase) || name.Equals(DispatchEndpoint.RouteHeader, StringComparison.OrdinalIgnoreCase)
            || name.Equals(QueueHeaders.Wait, StringComparison.OrdinalIgnoreCase));

    private static async ValueTask FlushAsync(HttpContext http, NodeLease lease)
    {
        var flushing = http.Response.BodyWriter.FlushAsync(http.RequestAborted);
        var waits = !flushing.IsCompleted;
        if (waits)
            lease.BeginClientWait();
        var flushed = await flushing.ConfigureAwait(false);
        if (waits)
            lease.EndClientWait();
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }
}
