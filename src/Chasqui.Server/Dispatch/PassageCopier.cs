using System.Buffers;
using Chasqui.Gateway.Nodes;
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
    /// <param name="silence">Whoever may have begun the answer already.</param>
    /// <param name="lease">The attempt.</param>
    /// <param name="usage">Told what passes by.</param>
    /// <param name="record">Remembers what passes by; null for nobody.</param>
    public static async ValueTask CopyAsync(
        HttpContext http, IPassageAnswer answer, ReadOnlyMemory<byte> first, SilenceBreaker? silence, NodeLease lease, UsageReader usage, PassageRecord? record)
    {
        if (silence is null || !await silence.EndAsync().ConfigureAwait(false))
            Head(http.Response, answer);
        var writer = http.Response.BodyWriter;
        var held = 0;
        for (var part = first; !part.IsEmpty;)
        {
            usage.Read(part.Span);
            if (record is null)
                writer.Write(part.Span);
            else
                record.Write(writer, part.Span);
            held += part.Length;
            var reading = answer.ReadAsync(lease.Token);
            if (!reading.IsCompleted || held >= MaxHeld)
            {
                await FlushAsync(http).ConfigureAwait(false);
                held = 0;
            }
            part = await reading.ConfigureAwait(false);
            if (!part.IsEmpty)
                lease.Progressed();
        }
        record?.Complete(writer, lease.Node.Name);
        if (held > 0 || record is not null)
            await FlushAsync(http).ConfigureAwait(false);
    }

    private static void Head(HttpResponse response, IPassageAnswer answer)
    {
        response.StatusCode = answer.Status;
        response.ContentLength = answer.ContentLength;
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

    private static async ValueTask FlushAsync(HttpContext http)
    {
        var flushed = await http.Response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
        if (flushed.IsCompleted || flushed.IsCanceled)
            throw new OperationCanceledException("the client has left", http.RequestAborted);
    }
}
