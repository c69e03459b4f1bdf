using System.Buffers;
using System.IO.Pipelines;
using Chasqui.Protocol;

namespace Chasqui.Transport;

/// <summary>Reads frames straight from the pipe's buffers, and flushes once for all that one read brought.</summary>
internal sealed class FrameLoop(Connection connection, PipeReader input, ConnectionRole role)
{
    private const int MaxDropped = 1024 * 1024;

    private readonly FrameHandlers _frames = new(connection, role);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopped;
    private long _signs;

    /// <summary>Counts what is heard; any frame is a sign of life.</summary>
    internal long Signs => Volatile.Read(ref _signs);

    internal uint LastPeerStream => _frames.LastPeerStream;

    internal Task Done => _done.Task;

    internal void Start() => _ = RunAsync();

    internal void Remember(uint stream) => _frames.Remember(stream);

    internal void Stop()
    {
        _stopped = true;
        input.CancelPendingRead();
    }

    private async Task RunAsync()
    {
        try
        {
            while (!connection.IsOver)
            {
                var result = await input.ReadAsync().ConfigureAwait(false);
                if (_stopped || !Handle(result))
                    break;
                if (connection.Outbox.IsBehind)
                    await connection.Outbox.CaughtUp().ConfigureAwait(false);
            }

            if (!_stopped)
                await DropAsync().ConfigureAwait(false);
        }
        catch (ProtocolException e)
        {
            connection.End(new CloseReason(e.Code, e.Reason, ByPeer: false));
            await DropAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            connection.End(connection.IsDraining && connection.ActiveStreams == 0
                ? new CloseReason(ErrorCode.NoError, "", ByPeer: true)
                : e is IOException or OperationCanceledException or ObjectDisposedException or System.Net.Sockets.SocketException or System.Net.WebSockets.WebSocketException
                ? new CloseReason(ErrorCode.Truncated, e.Message, ByPeer: true)
                : new CloseReason(ErrorCode.Internal, "the connection failed", ByPeer: false));
        }
        finally
        {
            try
            {
                await input.CompleteAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or System.Net.Sockets.SocketException
                or System.Net.WebSockets.WebSocketException)
            {
                // The transport is already gone.
            }

            _done.TrySetResult();
        }
    }

    /// <summary>Handles what one read has brought.</summary>
    /// <returns>Whether more may come.</returns>
    private bool Handle(in ReadResult result)
    {
        var buffer = result.Buffer;
        SequencePosition consumed;
        Outbox.Reading = connection;
        try
        {
            consumed = Parse(buffer);
        }
        finally
        {
            Outbox.Reading = null;
            connection.ReleaseReady();
            connection.Outbox.FlushNow();
        }

        var rest = !buffer.End.Equals(consumed);
        input.AdvanceTo(consumed, buffer.End);
        if (!result.IsCompleted)
            return true;
        if (!connection.IsOver)
        {
            connection.End(rest || !connection.IsDraining || connection.ActiveStreams > 0
                ? new CloseReason(ErrorCode.Truncated, rest ? "the connection ended inside a frame" : "the connection ended without goodbye", ByPeer: true)
                : new CloseReason(ErrorCode.NoError, "", ByPeer: true));
        }

        _stopped = true;
        return false;
    }

    private SequencePosition Parse(in ReadOnlySequence<byte> buffer)
    {
        var rest = buffer;
        scoped Span<byte> copy = stackalloc byte[FrameHeader.Size];
        while (rest.Length >= 4 && !connection.IsOver)
        {
            var size = (int)Math.Min(rest.Length, FrameHeader.Size);
            scoped var span = rest.FirstSpan;
            if (span.Length < size)
            {
                rest.Slice(0, size).CopyTo(copy);
                span = copy;
            }

            _frames.CheckBeginning(span[..size]);
            if (size < FrameHeader.Size)
                break;
            var header = FrameHeader.Read(span);
            _frames.CheckHeader(header);
            var whole = FrameHeader.Size + (long)header.PayloadLength;
            if (rest.Length < whole)
                break;
            _signs++;
            Dispatch(header, rest.Slice(FrameHeader.Size, header.PayloadLength));
            rest = rest.Slice(whole);
        }

        return rest.Start;
    }

    private void Dispatch(FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        if (payload.IsSingleSegment)
        {
            _frames.Handle(header, payload.FirstSpan);
            return;
        }

        var length = (int)payload.Length;
        var array = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            payload.CopyTo(array);
            _frames.Handle(header, array.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    /// <summary>After the end: what still comes is dropped until the peer hangs up, so that our goodbye is not lost to it.</summary>
    private async Task DropAsync()
    {
        long dropped = 0;
        try
        {
            while (!_stopped && dropped < MaxDropped)
            {
                var result = await input.ReadAsync().ConfigureAwait(false);
                dropped += result.Buffer.Length;
                input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException
            or System.Net.Sockets.SocketException or System.Net.WebSockets.WebSocketException)
        {
            // The peer is gone, which is all that was waited for.
        }
    }
}
