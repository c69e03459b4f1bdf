using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary>One connection under Kestrel: ends, or says something, between two answers, as the script says.</summary>
internal sealed class NodeConnection(PipeReader input, PipeWriter output, NodeParts parts) : PipeReader, IDuplexPipe
{
    private static readonly object _key = new();

    private readonly ConcurrentQueue<string> _unasked = new();
    private int _requests;
    private volatile bool _answers;
    private volatile bool _ends;
    private volatile bool _late;

    public PipeReader Input => this;

    public PipeWriter Output => output;

    public static void Wrap(ConnectionContext connection, NodeParts parts)
    {
        var wrapped = new NodeConnection(connection.Transport.Input, connection.Transport.Output, parts);
        connection.Transport = wrapped;
        connection.Items[_key] = wrapped;
    }

    public static NodeConnection Of(HttpContext context) => (NodeConnection)context.Features.Get<IConnectionItemsFeature>()!.Items[_key]!;

    /// <summary>A request has come.</summary>
    /// <returns>Whether its answer is to say that it is the last one.</returns>
    public bool Begin()
    {
        _answers = true;
        var script = parts.Script.Connections;
        _ends = ++_requests >= script.CloseAfterRequests && script.CloseAfterRequests > 0;
        return _ends && script.SaysClose;
    }

    /// <summary>It is answered.</summary>
    public void End() => _answers = false;

    /// <summary>Sends this behind the answer.</summary>
    public void Say(string text) => _unasked.Enqueue(text);

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_answers)
            return (await NextAsync(isIdle: false, cancellationToken).ConfigureAwait(false))!.Value;
        while (_unasked.TryDequeue(out var text))
            await output.WriteAsync(Encoding.ASCII.GetBytes(text), cancellationToken).ConfigureAwait(false);
        // As if the client had closed it: Kestrel ends it in order.
        if (_ends)
            return new ReadResult(default, false, true);
        var script = parts.Script.Connections;
        // One that never had a request is new, not idle.
        if (script.CloseAfterIdleMilliseconds <= 0 || _requests == 0)
            return (await NextAsync(isIdle: false, cancellationToken).ConfigureAwait(false))!.Value;
        _late = false;
        var timer = parts.Time.CreateTimer(static connection => ((NodeConnection)connection!).Late(), this, TimeSpan.FromMilliseconds(script.CloseAfterIdleMilliseconds), Timeout.InfiniteTimeSpan);
        await using (timer.ConfigureAwait(false))
        {
            if (await NextAsync(isIdle: true, cancellationToken).ConfigureAwait(false) is { } read)
                return read;
            if (script.SaysTimeout)
                await output.WriteAsync("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            return new ReadResult(default, false, true);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        result = default;
        return _answers && input.TryRead(out result);
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        if (!consumed.Equals(default))
            input.AdvanceTo(consumed);
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!consumed.Equals(default))
            input.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => input.Complete(exception);

    /// <returns>Null when it was idle for too long.</returns>
    private async ValueTask<ReadResult?> NextAsync(bool isIdle, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (!read.IsCanceled)
                return read;
            // What came at the very moment counts.
            if (!read.Buffer.IsEmpty)
                return new ReadResult(read.Buffer, false, read.IsCompleted);
            if (isIdle && _late)
                return null;
            input.AdvanceTo(read.Buffer.Start);
        }
    }

    private void Late()
    {
        _late = true;
        input.CancelPendingRead();
    }
}
